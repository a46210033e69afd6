-- After the prelude: entries that hold several messages. Field 'f' is a frame: \143GF\1, how many messages, where each ends, and
-- the envelopes. All are of normal priority, and stored when their entry was. FRAMES has a row for each frame that a topic holds:
-- its id, by how many all messages up to it outnumber their entries, and how many it holds itself, in 24, 16 and 4 hex digits.

local function hex(id)
  local ms, seq = split(id)
  return string.format('%012x%012x', ms, seq)
end

local function row_upto(row) return tonumber(string.sub(row, 25, 40), 16) end
local function row_size(row) return tonumber(string.sub(row, 41, 44), 16) end

local function note_frame(id, size)
  local last = redis.call('ZREVRANGE', FRAMES, 0, 0)[1]
  redis.call('ZADD', FRAMES, 0, string.format('%s%016x%04x', hex(id), (last and row_upto(last) or 0) + size - 1, size))
end

local function row_at(id)
  local key = hex(id)
  return redis.call('ZRANGEBYLEX', FRAMES, '[' .. key, '[' .. key .. '\255', 'LIMIT', 0, 1)[1]
end

-- How many messages an entry of the normal lane holds.
local function size_at(id)
  local row = row_at(id)
  return row and row_size(row) or 1
end

-- By how many the messages behind an id, or all, outnumber their entries.
local function excess(id)
  local first = redis.call('ZRANGEBYLEX', FRAMES, id and '(' .. hex(id) .. '\255' or '-', '+', 'LIMIT', 0, 1)[1]
  if not first then return 0 end
  return row_upto(redis.call('ZREVRANGE', FRAMES, 0, 0)[1]) - row_upto(first) + row_size(first) - 1
end

-- A frame's bytes and size; nothing if the entry is none, or not a whole one.
local function frame_of(fields)
  local bytes = get(fields, 'f')
  if not bytes or #bytes < 12 or string.sub(bytes, 1, 4) ~= '\143GF\1' then return nil end
  local size = struct.unpack('>I4', bytes, 5)
  if size < 1 or size > 1000 or #bytes < 8 + 4 * size then return nil end
  local from = 0
  for i = 1, size do
    local to = struct.unpack('>I4', bytes, 5 + 4 * i)
    if to < from then return nil end
    from = to
  end
  if #bytes ~= 8 + 4 * size + from then return nil end
  return bytes, size
end

-- How many messages a frame may hold: by the topic's option, and no more than a tenth of its bound, because what is dropped for
-- room is dropped by the entry.
local function frame_limit(option, length)
  return math.max(1, math.min(tonumber(string.match(option, '^%d+')) or 1, math.floor(tonumber(length) / 10)))
end

local function framed(envelopes)
  local parts, at = { '\143GF\1' .. struct.pack('>I4', #envelopes) }, 0
  for _, bytes in ipairs(envelopes) do
    at = at + #bytes
    parts[#parts + 1] = struct.pack('>I4', at)
  end
  for _, bytes in ipairs(envelopes) do parts[#parts + 1] = bytes end
  return table.concat(parts)
end

-- The envelope of the message of this number, from 0.
local function envelope_in(bytes, size, index)
  local base, from = 8 + 4 * size, 0
  if index > 0 then from = struct.unpack('>I4', bytes, 5 + 4 * index) end
  return string.sub(bytes, base + from + 1, base + struct.unpack('>I4', bytes, 9 + 4 * index))
end

-- The fields that a message of a frame would have in an entry of its own.
local function fields_in(id, bytes, size, index)
  local body = envelope_in(bytes, size, index)
  local ttl = envelope(body)[8]
  if not ttl or #ttl ~= 8 then return { 'd', body } end
  ttl = struct.unpack('>I4', ttl) * 4294967296 + struct.unpack('>I4', ttl, 5)
  return { 'd', body, 'x', whole(math.min(split(id) + ttl, 9007199254740991)) }
end

-- The ids of an entry's messages; what is no message has none.
local function ids_of(fields)
  local bytes, size = frame_of(fields)
  if not bytes then return { message_id(fields) } end
  local ids = {}
  for index = 0, size - 1 do
    local id = envelope(envelope_in(bytes, size, index))[1]
    if id and #id == 16 then ids[#ids + 1] = id end
  end
  return ids
end

local orphans_made = false
-- A message that is on its own from now on, in the group's own stream; `since` is when it was stored.
local function to_orphans(group, fields, p, attempts, history, due, since)
  if not orphans_made then
    redis.pcall('XGROUP', 'CREATE', ORPHANS, group, '0', 'MKSTREAM')
    orphans_made = true
  end
  local own = { 'p', p }
  for i = 1, #fields do own[#own + 1] = fields[i] end
  local id = redis.call('XADD', ORPHANS, '*', unpack(own))
  local name = name_of(4 + p, id)
  redis.call('XCLAIM', ORPHANS, group, NOBODY, 0, id, 'RETRYCOUNT', attempts, 'FORCE', 'JUSTID')
  if history ~= '' then redis.call('HSET', H, name, history) end
  redis.call('ZADD', W, whole(due), name)
  redis.call('ZADD', ORIGINS, whole(since), name)
  return name
end
