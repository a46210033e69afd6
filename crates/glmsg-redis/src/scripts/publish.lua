-- Stores messages. ARGV: for each its lane, id, time to live in ms or '', '' or '+' and a delay in ms or '@' and a time in ms,
-- and envelope. Returns OK, for each the entry it is stored in, 0 scheduled, 1 duplicate or 2 full, and the time in ms; or ABSENT; or
-- AGAIN if it has only looked so far.
local config = redis.call('HMGET', META, 'len', 'overflow', 'indexed', 'frames')
if not config[1] then return { 'ABSENT' } end

-- IDS does not know yet what plain commands have stored. No more than this at once, or others would wait for long.
local indexed, seen = config[3] or '0-0', 0
repeat
  if seen >= 5000 then
    redis.call('HSET', META, 'indexed', indexed)
    return { 'AGAIN' }
  end
  -- Few at a time where they may be large.
  local most = redis.call('EXISTS', FRAMES) == 1 and 10 or 200
  local some, ids = redis.call('XRANGE', LANES[NORMAL], '(' .. indexed, '+', 'COUNT', most), {}
  for _, entry in ipairs(some) do
    for _, id in ipairs(ids_of(entry[2])) do ids[#ids + 1] = id end
    if #ids > 1000 then redis.call('SADD', IDS, unpack(ids)) seen, ids = seen + #ids, {} end
  end
  if #ids > 0 then redis.call('SADD', IDS, unpack(ids)) end
  seen = seen + #ids
  if #some > 0 then indexed = some[#some][1] end
until #some < most

local room = tonumber(config[1]) - length()
local results, rings, last = {}, false, nil
-- The most entries that give way for one message.
local MOST_DROPS = 1000

local first

-- Groups that have not had an entry that is dropped are set behind it. The server reckons how far a group is behind from how much it
-- has read, and this it would never read.
local function pass_over(lane, id)
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', LANES[lane])) do
    if before(get(group, 'last-delivered-id'), id) then
      local read = get(group, 'entries-read')
      if read then redis.call('XGROUP', 'SETID', LANES[lane], get(group, 'name'), id, 'ENTRIESREAD', read + 1)
      else redis.call('XGROUP', 'SETID', LANES[lane], get(group, 'name'), id) end
    end
  end
end

-- Drops one entry: what everybody has finished, else the oldest where the topic is set up so. Returns how many messages that were.
local function drop_one()
  first = first or unfinished()
  local lane, oldest
  for l = 0, 3 do
    local entry = front(l)
    if entry and first[l] and before(entry[1], first[l]) and (not oldest or before(entry[1], oldest[1])) then
      lane, oldest = l, entry
    end
  end
  if oldest then return drop_front(lane, oldest) end
  if config[2] ~= 'drop-oldest' then return 0 end
  for l = 0, 3 do
    local entry = front(l)
    if entry and (not oldest or before(entry[1], oldest[1])) then lane, oldest = l, entry end
  end
  if not oldest then return 0 end
  pass_over(lane, oldest[1])
  -- Groups must not keep a ghost of it. Their keys share this topic's slot.
  local base = string.sub(META, 1, -5)
  local name = name_of(lane, oldest[1])
  local groups = redis.call('HGETALL', GROUPS)
  for i = 1, #groups, 2 do
    local group = groups[i] .. '#' .. string.match(groups[i + 1], '|(%x+)$')
    redis.call('XACK', LANES[lane], group, oldest[1])
    redis.call('ZREM', base .. 'waiting:' .. group, name)
    redis.call('HDEL', base .. 'history:' .. group, name, 'x' .. name, 'f' .. name)
    if string.sub(groups[i + 1], 1, 3) == 'key' then
      redis.call('ZREM', base .. 'ready:' .. group, name)
      redis.call('ZREM', base .. 'parked:' .. group, name)
      local key = envelope(get(oldest[2], 'd'))[7]
      if key then
        local prefix = lane .. ':' .. key .. '\0'
        redis.call('ZREM', base .. 'active:' .. group, prefix .. name)
        local next = redis.call('ZRANGEBYLEX', base .. 'active:' .. group, '[' .. prefix, '[' .. prefix .. '\255', 'LIMIT', 0, 1)[1]
        next = next and string.sub(next, #prefix + 1)
        if next and redis.call('ZREM', base .. 'parked:' .. group, next) == 1 then
          redis.call('ZADD', base .. 'ready:' .. group, 0, next)
        end
      end
    end
  end
  first = nil
  return drop_front(lane, oldest)
end

-- What goes into the next frame. It is stored before anything that must stand behind it.
local pack, pack_bytes, most_packed = {}, 0, 1
-- Which results wait for its entry.
local packed_at = {}
if config[4] and config[4] ~= '' then most_packed = frame_limit(config[4], config[1]) end

local function store_pack()
  if #pack == 0 then return end
  local id
  if #pack == 1 and not envelope(pack[1])[8] then id = append(NORMAL, { 'd', pack[1] })
  else
    id = append(NORMAL, { 'f', framed(pack) })
    note_frame(id, #pack)
  end
  for _, at in ipairs(packed_at) do results[at] = id end
  pack, pack_bytes, packed_at = {}, 0, {}
end

-- The usual case: all of normal priority, with no time to live and no schedule, none known, and room for all.
local function is_usual()
  if most_packed > 1 or room < #ARGV / 5 or #ARGV > 5000 or redis.call('EXISTS', DUE) == 1 then return false end
  local ids, seen = {}, {}
  for i = 1, #ARGV, 5 do
    local id = ARGV[i + 1]
    if ARGV[i] ~= '1' or ARGV[i + 2] ~= '' or ARGV[i + 3] ~= '' or seen[id] then return false end
    seen[id], ids[#ids + 1] = true, id
  end
  for _, known in ipairs(redis.call('SMISMEMBER', IDS, unpack(ids))) do if known == 1 then return false end end
  redis.call('SADD', IDS, unpack(ids))
  return true
end

if is_usual() then
  for i = 5, #ARGV, 5 do
    last = redis.call('XADD', LANES[NORMAL], '*', 'd', ARGV[i])
    results[#results + 1] = last
  end
  redis.call('HSET', META, 'indexed', last)
  return { 'OK', results, now }
end

promote()
if room < #ARGV / 5 then drop_aged() room = tonumber(config[1]) - length() end
for i = 1, #ARGV, 5 do
  local lane, id, ttl, when, body = tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local result = 0
  if redis.call('SISMEMBER', IDS, id) == 1 then
    result = 1
  elseif room <= 0 then
    store_pack()
    -- More than one must go where the bound was lowered; not all of a million at once.
    local drops = 0
    while room <= 0 and drops < MOST_DROPS do
      local freed = drop_one()
      if freed == 0 then break end
      room, drops = room + freed, drops + 1
    end
    if room <= 0 and drops < MOST_DROPS then result = 2 end
  end
  if result == 0 then
    room = room - 1
    local due
    if when ~= '' then
      due = tonumber(string.sub(when, 2))
      if string.sub(when, 1, 1) == '+' then due = now + due end
      due = math.min(due, 9007199254740991)
      if due <= now then due = nil end
    end
    redis.call('SADD', IDS, id)
    local is_packed = most_packed > 1 and lane == NORMAL and not due
    if not is_packed or #pack == most_packed or pack_bytes + #body > 262144 then store_pack() end
    local expires = ''
    if ttl ~= '' then expires = whole(math.min((due or now) + tonumber(ttl), 9007199254740991)) end
    if is_packed then
      pack[#pack + 1], pack_bytes = body, pack_bytes + #body
      packed_at[#packed_at + 1] = #results + 1
    elseif due then
      local name = string.format('%016x', redis.call('HINCRBY', META, 'scheduled', 1)) .. id
      redis.call('HSET', BODY, name, cmsgpack.pack({ lane, expires, body }))
      redis.call('ZADD', DUE, whole(due), name)
      rings = true
    elseif expires == '' then result = append(lane, { 'd', body })
    else result = append(lane, { 'd', body, 'x', expires }) end
  end
  results[#results + 1] = result
end
store_pack()
if rings then ring() end
redis.call('HSET', META, 'indexed', top())
return { 'OK', results, now }
