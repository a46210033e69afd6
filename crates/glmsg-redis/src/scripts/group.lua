-- Before every script of a group: what becomes of a message in it. ARGV[1] is the group's name on
-- the streams, ARGV[2] is '1' if it keeps the order of keys.
local G, BY_KEY = ARGV[1], ARGV[2] == '1'
local LEASE_EXPIRED, MAX_RETRIES, EXPIRED = 3, 0, 2

-- A history is encoded as the wire format's page says: at most ten attempts.
local function with_attempt(history, number, outcome, text)
  local count, records = 0, ''
  if history and #history >= 2 then count, records = string.byte(history, 2), string.sub(history, 3) end
  if count >= 10 then
    records = string.sub(records, 16 + struct.unpack('>I2', records, 14))
    count = count - 1
  end
  return '\1' .. string.char(count + 1) .. records
    .. struct.pack('>I4I8', number, micros) .. string.char(outcome) .. struct.pack('>I2', #text) .. text
end

-- What the last attempt ended with.
local function last_error(history)
  local at, text = 3, ''
  while at <= #history do
    local length = struct.unpack('>I2', history, at + 13)
    text = string.sub(history, at + 15, at + 14 + length)
    at = at + 15 + length
  end
  return text
end

local function key_prefix(lane, fields)
  local key = envelope(get(fields, 'd'))[7]
  if key then return lane .. ':' .. key .. '\0' end
end

local function first_of_key(prefix)
  local found = redis.call('ZRANGEBYLEX', ACTIVE, '[' .. prefix, '[' .. prefix .. '\255', 'LIMIT', 0, 1)[1]
  if found then return string.sub(found, #prefix + 1) end
end

-- The message has left its key's row: the next one may go.
local function leave_key(lane, name, fields)
  if not BY_KEY or lane >= 4 then return end
  local prefix = key_prefix(lane, fields)
  if not prefix then return end
  redis.call('ZREM', ACTIVE, prefix .. name)
  local next = first_of_key(prefix)
  if next and redis.call('ZREM', PARKED, next) == 1 then redis.call('ZADD', READY, 0, next) end
end

local function forget(lane, id, name)
  local stream = stream_of(lane)
  redis.call('XACK', stream, G, id)
  if lane >= 4 then redis.call('XDEL', stream, id) end
  if lane >= 4 then redis.call('ZREM', ORIGINS, name) end
  redis.call('ZREM', W, name)
  redis.call('HDEL', H, name, 'x' .. name, 'f' .. name)
end

local function drop_old_letters()
  local age = tonumber(redis.call('HGET', META, 'letters') or '0')
  for _ = 1, 100 do
    local first = redis.call('ZRANGE', DEAD_ORDER, 0, 0)[1]
    if not first then return end
    local packed = redis.call('HGET', DEAD, first)
    local letter = packed and cmsgpack.unpack(packed)
    if letter and now - math.floor(letter[5] / 1000) <= age then return end
    redis.call('ZREM', DEAD_ORDER, first)
    redis.call('HDEL', DEAD, first)
    if letter then redis.call('ZREM', DEAD_IDS, letter[1] .. first) end
  end
end

-- Notes a dead letter of this group.
local function note_letter(lane, id, fields, attempts, reason, detail, history, as_id)
  drop_old_letters()
  history = history or ''
  -- A message may die of something else than its last attempt; that tells the more all the same.
  if detail == '' then detail = last_error(history) end
  local number = string.format('%016x', redis.call('HINCRBY', META, 'dead', 1))
  local letter = { as_id or message_id(fields) or '', lane, id, attempts, micros, reason, detail, history, get(fields, 'd') or get(fields, 'f') or '', as_id and 1 or 0 }
  redis.call('HSET', DEAD, number, cmsgpack.pack(letter))
  redis.call('ZADD', DEAD_ORDER, tonumber(number, 16), number)
  redis.call('ZADD', DEAD_IDS, 0, letter[1] .. number)
end

-- When a message was stored, in ms: one on its own knows when that was before it was.
local function stored_at(lane, id, name)
  local since = lane >= 4 and redis.call('ZSCORE', ORIGINS, name)
  if since then return tonumber(since) end
  return (split(id))
end

-- Makes a message a dead letter of this group.
local function bury(lane, id, fields, attempts, reason, detail, history, as_id)
  local name = name_of(lane, id)
  local since = stored_at(lane, id, name)
  forget(lane, id, name)
  leave_key(lane, name, fields)
  if lane >= 4 then id = whole(since) .. '-0' end
  note_letter(lane, id, fields, attempts, reason, detail, history, as_id)
end

-- A frame that this group has not finished: its id, name, bytes, size, and of each message whether it has been finished. Until
-- that is so of all, H has it in 'f' and the name, the first message in the lowest bit of the first byte.
local function open_frame(id, bytes, size)
  if not size then return nil end
  local frame = { id = id, name = name_of(NORMAL, id), bytes = bytes, size = size, left = size, finished = {} }
  local bits = redis.call('HGET', H, 'f' .. frame.name)
  for index = 0, bits and size - 1 or -1 do
    if bit.band(bit.rshift(string.byte(bits, math.floor(index / 8) + 1) or 0, index % 8), 1) == 1 then
      frame.finished[index], frame.left = true, frame.left - 1
    end
  end
  return frame
end

local function finish(frame, index)
  if frame.finished[index] then return end
  frame.finished[index], frame.left = true, frame.left - 1
end

-- Tells of each frame that somebody holds who that is, and by how many the messages left in it outnumber the entry.
local function of_frames(tell)
  local first = redis.call('ZRANGE', FRAMES, 0, 0)[1]
  if not first then return end
  local last = redis.call('ZREVRANGE', FRAMES, 0, 0)[1]
  local function id_of(row) return whole(tonumber(string.sub(row, 1, 12), 16)) .. '-' .. whole(tonumber(string.sub(row, 13, 24), 16)) end
  local from, to = id_of(first), id_of(last)
  repeat
    local held = redis.pcall('XPENDING', LANES[NORMAL], G, from, to, 1000)
    if held.err then return end
    for _, entry in ipairs(held) do
      local left, bits = size_at(entry[1]), redis.call('HGET', H, 'f' .. name_of(NORMAL, entry[1]))
      for i = 1, bits and #bits or 0 do
        local octet = string.byte(bits, i)
        while octet > 0 do octet, left = bit.band(octet, octet - 1), left - 1 end
      end
      tell(entry[2], left - 1)
      from = '(' .. entry[1]
    end
  until #held < 1000
end

-- Keeps what has been finished of a frame; all of it is an ack.
local function close_frame(frame)
  if frame.left == 0 then return forget(NORMAL, frame.id, frame.name) end
  local octets = {}
  for index = 0, frame.size - 1 do
    local at = math.floor(index / 8) + 1
    octets[at] = (octets[at] or 0) + (frame.finished[index] and bit.lshift(1, index % 8) or 0)
  end
  redis.call('HSET', H, 'f' .. frame.name, string.char(unpack(octets)))
end

local function exists()
  local name, incarnation = string.match(G, '^(.*)#(%x+)$')
  local row = redis.call('HGET', GROUPS, name)
  return row and string.match(row, '|(%x+)$') == incarnation
end

-- Which of the two it is, a deletion or a loss: a deletion leaves a mark.
local function absence()
  local name, incarnation = string.match(G, '^(.*)#(%x+)$')
  local row = redis.call('HGET', GROUPS, name)
  if row or redis.call('HGET', GONE, name) or redis.call('HGET', GONE, '*') then return { 'GONE' } end
  return { 'LOST' }
end

-- A group by key reads ahead: what waits for its key's turn is parked, the rest is ready.
local function absorb(lane, most)
  local read = redis.call('XREADGROUP', 'GROUP', G, NOBODY, 'COUNT', most, 'STREAMS', LANES[lane], '>')
  if not read then return 0 end
  for _, entry in ipairs(read[1][2]) do
    local name, prefix = name_of(lane, entry[1]), key_prefix(lane, entry[2])
    if prefix then redis.call('ZADD', ACTIVE, 0, prefix .. name) end
    if prefix and first_of_key(prefix) ~= name then redis.call('ZADD', PARKED, 0, name)
    else redis.call('ZADD', READY, 0, name) end
  end
  return #read[1][2]
end

local function first_ready(lane)
  return redis.call('ZRANGEBYLEX', READY, '[' .. lane, '[' .. lane .. '\255', 'LIMIT', 0, 1)[1]
end
