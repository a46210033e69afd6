-- Before every script of a group: what becomes of a message in it. ARGV[1] is the group's name on
-- the streams, ARGV[2] is '1' if it keeps the order of keys.
local G, BY_KEY = ARGV[1], ARGV[2] == '1'
-- Consumers on the streams that are no members: who holds what waits, and what is read ahead.
local NOBODY = '~'
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
  redis.call('ZREM', W, name)
  redis.call('HDEL', H, name, 'x' .. name)
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

-- Makes a message a dead letter of this group.
local function bury(lane, id, fields, attempts, reason, detail, history, as_id)
  local name = name_of(lane, id)
  forget(lane, id, name)
  leave_key(lane, name, fields)
  drop_old_letters()
  local number = string.format('%016x', redis.call('HINCRBY', META, 'dead', 1))
  local letter = { as_id or message_id(fields) or '', lane, id, attempts, micros, reason, detail, history or '', get(fields, 'd') or '', as_id and 1 or 0 }
  redis.call('HSET', DEAD, number, cmsgpack.pack(letter))
  redis.call('ZADD', DEAD_ORDER, tonumber(number, 16), number)
  redis.call('ZADD', DEAD_IDS, 0, letter[1] .. number)
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
