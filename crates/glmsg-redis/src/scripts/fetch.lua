-- Delivers. ARGV from 3: consumer, how many messages, picks and turn of the lane picker, in how many entries they may be, and '1' to
-- look through the members' leases in any case.
-- Returns OK, picks, turn, ms until something becomes due or -1, expired, dead, the ids to wait behind (bell, then lanes), the
-- deliveries (lane, id, attempt, history, body, of a frame what of it is finished, and 1 if a time of its own is noted of it), the time in ms, and 1 if plain reads may
-- go on from here.
local C, want, picks, turn, entries = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if not exists() then return absence() end
redis.call('HDEL', MEMBERS, '')
redis.call('HSET', MEMBERS, C, whole(micros))
promote()

-- Whoever read the bell comes here. Where the bell has lost this group, nobody could wait for it.
local rung = redis.pcall('XPENDING', BELL, G, '-', '+', 100)
if rung.err then return { 'LOST' } end
for _, entry in ipairs(rung) do redis.call('XACK', BELL, G, entry[1]) end
-- What rang until now is seen here: nobody need come for it again.
redis.call('XREADGROUP', 'GROUP', G, C, 'NOACK', 'STREAMS', BELL, '>')

local function lease_of(consumer) return tonumber(string.match(consumer, '@(%d+)$')) or 30000 end

-- Forgets a member that holds nothing, if it has gone.
local function forget_gone(stream, name)
  if name == C or is_nobody(name) then return end
  local seen = tonumber(redis.call('HGET', MEMBERS, name) or '0')
  if micros - seen > 3000 * lease_of(name) then
    redis.call('XGROUP', 'DELCONSUMER', stream, G, name)
    redis.call('HDEL', MEMBERS, name)
  end
end

-- Finds leases that have run out, and members that have gone.
local function scan(stream, lane)
  local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, G)
  if consumers.err then return false end
  for _, consumer in ipairs(consumers) do
    local name, pending = get(consumer, 'name'), get(consumer, 'pending')
    if not is_nobody(name) then
      local lease = lease_of(name)
      if pending > 0 then
        local late = redis.call('XPENDING', stream, G, 'IDLE', lease, '-', '+', 100, name)
        for _, entry in ipairs(late) do
          local at = lane
          if lane == 4 then
            local orphan = redis.call('XRANGE', stream, entry[1], entry[1])[1]
            at = 4 + tonumber(orphan and get(orphan[2], 'p') or '1')
          end
          redis.call('ZADD', W, 'NX', whole(now - entry[3] + lease), name_of(at, entry[1]))
        end
      else
        forget_gone(stream, name)
      end
    end
  end
  return true
end
-- A hundred members need not all look for what the others have left: one does so for all, a few times within a lease.
local scanned = 'scan:' .. G
local since = now - tonumber(redis.call('HGET', META, scanned) or '0')
if ARGV[8] == '1' or BY_KEY or since < 0 or since >= math.min(200, lease_of(C) / 8) then
  for lane = 0, 3 do if not scan(LANES[lane], lane) then return { 'LOST' } end end
  scan(ORPHANS, 4)
  -- On the bell nobody holds anything that is of use: what rang has just been seen.
  for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', BELL, G)) do forget_gone(BELL, get(consumer, 'name')) end
  redis.call('HSET', META, scanned, whole(now))
end

-- What was put back, and what has come back, by priority, in the order in which it became due. The latter goes first.
local unseen, returned = { [0] = {}, {}, {}, {} }, { [0] = {}, {}, {}, {} }
local some_returned = false
for _, name in ipairs(redis.call('ZRANGEBYSCORE', W, '-inf', '(0', 'LIMIT', 0, want + 100)) do
  table.insert(unseen[(lane_and_id(name))], name)
  some_returned = true
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', W, 0, whole(now), 'LIMIT', 0, want + 100)) do
  local lane, id = lane_and_id(name)
  local may = true
  if BY_KEY and lane < 4 then
    local entry = redis.call('XRANGE', LANES[lane], id, id)[1]
    local prefix = entry and key_prefix(lane, entry[2])
    may = not prefix or first_of_key(prefix) == name
  end
  if may then
    table.insert(returned[lane % 4], name)
    some_returned = true
  end
end

-- Whether a lane has what was never delivered, and up to which id.
local tops, lasts, fresh, fresh_lanes = {}, {}, {}, 0
for lane = 0, 3 do
  local top = redis.call('XREVRANGE', LANES[lane], '+', '-', 'COUNT', 1)[1]
  tops[lane] = top and top[1] or '0-0'
  if BY_KEY then
    while not first_ready(lane) and absorb(lane, 256) == 256 do end
    fresh[lane] = first_ready(lane) ~= nil
  elseif top then
    for _, group in ipairs(redis.call('XINFO', 'GROUPS', LANES[lane])) do
      if get(group, 'name') == G then fresh[lane] = before(get(group, 'last-delivered-id'), top[1]) end
    end
  end
  if fresh[lane] then fresh_lanes = fresh_lanes + 1 end
end

local out, taken, expired, dead = {}, 0, 0, 0

local function is_expired(fields, own)
  -- What somebody else has written there need not be a number, and what is no message is not dead for its time.
  local at = tonumber(own or get(fields, 'x') or '')
  return at and at <= now and message_id(fields)
end

local spent, scattered, is_enough = 0, 0, false

local function deliver(lane, id, fields, attempt, history, is_noted)
  local frame = lane == NORMAL and get(fields, 'f') and open_frame(id, frame_of(fields))
  if frame then
    out[#out + 1] = { lane, id, attempt, '', frame.bytes, redis.call('HGET', H, 'f' .. frame.name) or '' }
    taken, picks = taken + frame.left, picks + frame.left - 1
  else
    out[#out + 1] = { lane, id, attempt, history, get(fields, 'd') or get(fields, 'f') or '', false, is_noted and 1 or nil }
    taken = taken + 1
  end
end

local function deliver_new(lane, entry)
  if is_expired(entry[2]) then
    bury(lane, entry[1], entry[2], 0, EXPIRED, '', '')
    expired = expired + 1
  else
    deliver(lane, entry[1], entry[2], 1, '')
  end
end

-- Whoever had a frame has lost it: from now on each of its messages that is not finished is on its own.
local function scatter(frame, name, count)
  local due = tonumber(redis.call('ZSCORE', W, name) or now)
  local since, names = split(frame.id), {}
  for index = 0, frame.size - 1 do
    if not frame.finished[index] then
      local fields = fields_in(frame.id, frame.bytes, frame.size, index)
      if is_expired(fields) then
        note_letter(4 + NORMAL, frame.id, fields, count, EXPIRED, '', '')
        expired = expired + 1
      else
        local history = with_attempt('', count, LEASE_EXPIRED, '')
        if count >= max_attempts(fields) then
          note_letter(4 + NORMAL, frame.id, fields, count, MAX_RETRIES, '', history)
          dead = dead + 1
        else
          names[#names + 1] = to_orphans(G, fields, NORMAL, count, history, due, since)
        end
      end
    end
  end
  forget(NORMAL, frame.id, name)
  for _, other in ipairs(returned[NORMAL]) do names[#names + 1] = other end
  returned[NORMAL] = names
  scattered = scattered + frame.left
end

local function deliver_returned(name)
  local lane, id = lane_and_id(name)
  local stream = stream_of(lane)
  local pending = redis.call('XPENDING', stream, G, id, id, 1)[1]
  local entry = redis.call('XRANGE', stream, id, id)[1]
  if not pending or not entry then forget(lane, id, name) return end
  local count, history = pending[4], redis.call('HGET', H, name) or ''
  local frame = lane == NORMAL and not is_nobody(pending[2]) and get(entry[2], 'f') and open_frame(id, frame_of(entry[2]))
  if frame then
    -- No more than this at once, or others would wait for long.
    if scattered < 1000 then scatter(frame, name, count) else is_enough = true end
    return
  end
  local own = redis.call('HGET', H, 'x' .. name)
  if is_expired(entry[2], own) then
    bury(lane, id, entry[2], count, EXPIRED, '', history)
    expired = expired + 1
    return
  end
  if not is_nobody(pending[2]) then
    history = with_attempt(history, count, LEASE_EXPIRED, '')
    if count >= max_attempts(entry[2]) then
      bury(lane, id, entry[2], count, MAX_RETRIES, '', history)
      dead = dead + 1
      return
    end
    redis.call('HSET', H, name, history)
  end
  redis.call('XCLAIM', stream, G, C, 0, id, 'RETRYCOUNT', count + 1, 'JUSTID')
  redis.call('ZREM', W, name)
  deliver(lane, id, entry[2], count + 1, history, own)
end

local function has(p) return #returned[p] > 0 or #unseen[p] > 0 or fresh[p] end

local function pick()
  local top
  for p = 3, 0, -1 do if has(p) then top = p break end end
  if not top then return nil end
  picks = picks + 1
  if picks < 16 then return top end
  picks = 0
  for _ = 1, top do
    turn = (turn + 1) % top
    if has(turn) then return turn end
  end
  return top
end

if not some_returned and fresh_lanes == 1 and not BY_KEY then
  -- The usual case: one lane, nothing back.
  local lane = 0
  while not fresh[lane] do lane = lane + 1 end
  local read = redis.call('XREADGROUP', 'GROUP', G, C, 'COUNT', entries, 'STREAMS', LANES[lane], '>')
  if read then
    for _, entry in ipairs(read[1][2]) do
      deliver_new(lane, entry)
      picks = (picks + 1) % 16
    end
  end
else
  while taken < want and spent < want + 200 and not is_enough do
    local p = pick()
    if not p then break end
    spent = spent + 1
    if #returned[p] > 0 then
      deliver_returned(table.remove(returned[p], 1))
    elseif #unseen[p] > 0 then
      deliver_returned(table.remove(unseen[p], 1))
    elseif BY_KEY then
      local name = first_ready(p)
      local _, id = lane_and_id(name)
      redis.call('ZREM', READY, name)
      local entry = redis.call('XRANGE', LANES[p], id, id)[1]
      if entry then
        redis.call('XCLAIM', LANES[p], G, C, 0, id, 'RETRYCOUNT', 1, 'JUSTID')
        deliver_new(p, entry)
      else
        forget(p, id, name)
      end
      while not first_ready(p) and absorb(p, 256) == 256 do end
      fresh[p] = first_ready(p) ~= nil
    else
      local read = redis.call('XREADGROUP', 'GROUP', G, C, 'COUNT', 1, 'STREAMS', LANES[p], '>')
      local entry = read and read[1][2][1]
      if entry then
        fresh[p] = before(entry[1], tops[p])
        deliver_new(p, entry)
      else
        fresh[p] = false
      end
    end
  end
end

local next = -1
for _, key in ipairs({ W, DUE }) do
  local first = redis.call('ZRANGEBYSCORE', key, '(' .. whole(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if first[2] then
    local ms = tonumber(first[2]) - now
    if next < 0 or ms < next then next = ms end
  end
end
-- Others may take what is left.
for p = 0, 3 do if (#returned[p] > 0 or #unseen[p] > 0) and #out > 0 then ring() break end end
local bell = redis.call('XREVRANGE', BELL, '+', '-', 'COUNT', 1)[1]
local behind = { bell and bell[1] or '0-0', tops[0], tops[1], tops[2], tops[3] }
local is_plain = not some_returned and fresh_lanes < 2 and not BY_KEY
return { 'OK', picks, turn, whole(next), expired, dead, behind, out, whole(now), is_plain and 1 or 0 }
