-- Settles deliveries. ARGV from 3: the consumer without its lease, then for each: what ('a' ack, 'n' nack, 'r' release,
-- 'p' release by who looks next, so nobody is called, 'e' extend, 'b' bury as no message, 'x' look whether it has expired), lane,
-- id, for a message of a frame with a dot and its number, attempt, and four words: of a nack the delay in ms or '', outcome, reason
-- and error; of an extension the lease in ms; of a burial the id and what is wrong.
-- Returns for each S, A, R and the due time, D and the reason, L, V, or E and the deadline, times in microseconds.
local C = ARGV[3]
redis.call('HDEL', MEMBERS, '')
local results, rings = {}, false
if not exists() then
  for _ = 4, #ARGV, 8 do results[#results + 1] = { 'S' } end
  return results
end

local frames = {}
local function frame_at(id)
  if not frames[id] then
    local entry = redis.call('XRANGE', LANES[NORMAL], id, id)[1]
    frames[id] = open_frame(id, frame_of(entry and entry[2] or {}))
  end
  return frames[id]
end

-- One of a frame: it leaves it, and what is not done is on its own from then on.
local function of_frame(what, id, index, attempt, a, b, c, d)
  local frame = frame_at(id)
  if not frame then
    forget(NORMAL, id, name_of(NORMAL, id))
    return { 'S' }
  end
  if index >= frame.size or frame.finished[index] then return { 'S' } end
  local fields = fields_in(id, frame.bytes, frame.size, index)
  local function leave(...)
    finish(frame, index)
    close_frame(frame)
    return ...
  end
  local function die(attempts, reason, detail, history, as_id)
    note_letter(4 + NORMAL, id, fields, attempts, reason, detail, history, as_id)
    return leave({ 'D', tostring(reason) })
  end
  local function live(attempts, history, due)
    to_orphans(G, fields, NORMAL, attempts, history, due, (split(id)))
    rings = true
  end
  if what == 'a' then return leave({ 'A' }) end
  if what == 'r' then
    live(attempt - 1, '', now)
    return leave({ 'L' })
  end
  if what == 'x' then
    if tonumber(get(fields, 'x') or '9007199254740991') > now then return { 'V' } end
    return die(attempt - 1, EXPIRED, '', '')
  end
  if what == 'b' then return die(attempt - 1, 3, b, '', a) end
  local history = with_attempt('', attempt, tonumber(b), d)
  if a == '' then return die(attempt, tonumber(c), d, history) end
  if attempt >= max_attempts(fields) then return die(attempt, MAX_RETRIES, d, history) end
  local due = math.min(now + tonumber(a), 9007199254740991)
  live(attempt, history, due)
  return leave({ 'R', whole(due * 1000) })
end

local function one(what, lane, id, attempt, a, b, c, d)
  local index = string.match(id, '%.(%d+)$')
  if index then id = string.match(id, '^[^.]+') end
  local stream, name = stream_of(lane), name_of(lane, id)
  local pending = redis.pcall('XPENDING', stream, G, id, id, 1)
  pending = not pending.err and pending[1]
  -- Whoever acked it by a plain command left what had been noted since.
  if not pending then forget(lane, id, name) end
  if not pending or pending[4] ~= attempt or string.match(pending[2], '^(.*)@%d+$') ~= C then return { 'S' } end
  if what == 'e' then
    local lease, own = tonumber(a), tonumber(string.match(pending[2], '@(%d+)$'))
    -- A lease ends when the delivery has been idle for as long as its holder's name says.
    if lease <= own then redis.call('XCLAIM', stream, G, pending[2], 0, id, 'IDLE', own - lease, 'RETRYCOUNT', attempt, 'JUSTID')
    else redis.call('XCLAIM', stream, G, C .. '@' .. a, 0, id, 'IDLE', 0, 'RETRYCOUNT', attempt, 'JUSTID') end
    redis.call('ZREM', W, name)
    return { 'E', whole(micros + 1000 * lease) }
  end
  if index then return of_frame(what, id, tonumber(index), attempt, a, b, c, d) end
  if what == 'r' or what == 'p' then
    redis.call('XCLAIM', stream, G, what == 'p' and UNSEEN or NOBODY, 0, id, 'RETRYCOUNT', attempt - 1, 'JUSTID')
    redis.call('ZADD', W, what == 'p' and '-1' or whole(now), name)
    rings = rings or what == 'r'
    return { 'L' }
  end
  local entry = redis.call('XRANGE', stream, id, id)[1]
  if what == 'a' or not entry then
    forget(lane, id, name)
    if entry then leave_key(lane, name, entry[2]) end
    return { what == 'a' and 'A' or 'S' }
  end
  local history = redis.call('HGET', H, name) or ''
  if what == 'x' then
    local expires = tonumber(redis.call('HGET', H, 'x' .. name) or get(entry[2], 'x') or '')
    if not expires or expires > now then return { 'V' } end
    bury(lane, id, entry[2], attempt - 1, EXPIRED, '', history)
    return { 'D', '2' }
  end
  if what == 'b' then
    -- Bytes that are no message were never attempted.
    bury(lane, id, entry[2], attempt - 1, 3, b, history, a)
    return { 'D', '3' }
  end
  history = with_attempt(history, attempt, tonumber(b), d)
  if a == '' then
    bury(lane, id, entry[2], attempt, tonumber(c), d, history)
    return { 'D', c }
  end
  if attempt >= max_attempts(entry[2]) then
    bury(lane, id, entry[2], attempt, MAX_RETRIES, d, history)
    return { 'D', '0' }
  end
  local due = math.min(now + tonumber(a), 9007199254740991)
  redis.call('XCLAIM', stream, G, NOBODY, 0, id, 'RETRYCOUNT', attempt, 'JUSTID')
  redis.call('HSET', H, name, history)
  redis.call('ZADD', W, whole(due), name)
  rings = true
  return { 'R', whole(due * 1000) }
end

for i = 4, #ARGV, 8 do
  results[#results + 1] = one(ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2], tonumber(ARGV[i + 3]), ARGV[i + 4], ARGV[i + 5], ARGV[i + 6], ARGV[i + 7])
end
if rings then ring() end
return results
