-- Before every script: the names of KEYS, the time, and the steps that several scripts take.
-- The order of KEYS is that of `Keys` in keys.rs. Where a script may run on a full server its first
-- write is one that needs no memory: the server looks at its limit until then only.
local META, GROUPS, GONE, IDS, BELL, DUE, BODY, FRAMES = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local LANES = { [0] = KEYS[5], KEYS[6], KEYS[7], KEYS[8] }
local W, H, ORPHANS, DEAD_ORDER, DEAD_IDS, DEAD = KEYS[13], KEYS[14], KEYS[15], KEYS[16], KEYS[17], KEYS[18]
local READY, PARKED, ACTIVE, MEMBERS, ORIGINS = KEYS[19], KEYS[20], KEYS[21], KEYS[22], KEYS[23]
local NORMAL = 1
-- Consumers on the streams that are no members: who holds what waits, and what is read ahead.
local NOBODY = '~'
-- Who holds what was put back: to all others it is as if it had never been delivered. It waits with -1 for the time it is due.
local UNSEEN = '~0'

local function is_nobody(consumer) return string.sub(consumer, 1, 1) == NOBODY end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local micros = now * 1000

local function whole(n) return string.format('%.0f', n) end

local function get(fields, name)
  for i = 1, #fields, 2 do if fields[i] == name then return fields[i + 1] end end
end

local function split(id)
  local ms, seq = string.match(id, '^(%d+)%-(%d+)$')
  return tonumber(ms), tonumber(seq)
end

local function before(a, b)
  local am, as = split(a)
  local bm, bs = split(b)
  if am ~= bm then return am < bm end
  return as < bs
end

local function following(id)
  local ms, seq = split(id)
  return whole(ms) .. '-' .. whole(seq + 1)
end

-- A message of a group is named by its lane (4 more for an orphan) and its id, so that names sort as messages are stored.
local function name_of(lane, id)
  local ms, seq = split(id)
  return string.format('%d%012x%012x', lane, ms, seq)
end

local function lane_and_id(name)
  local ms, seq = tonumber(string.sub(name, 2, 13), 16), tonumber(string.sub(name, 14, 25), 16)
  return tonumber(string.sub(name, 1, 1)), whole(ms) .. '-' .. whole(seq)
end

local function stream_of(lane)
  if lane < 4 then return LANES[lane] end
  return ORPHANS
end

-- The signed fields of an envelope by tag, as the wire format's page describes them.
local function envelope(bytes)
  local found = {}
  if not bytes or string.sub(bytes, 1, 4) ~= '\143GM\1' or #bytes < 13 then return found end
  local at, last = 9, math.min(#bytes, 8 + struct.unpack('>I4', bytes, 5))
  while at + 4 <= last do
    local tag, length = string.byte(bytes, at), struct.unpack('>I4', bytes, at + 1)
    if tag > 9 then break end
    found[tag] = string.sub(bytes, at + 5, at + 4 + length)
    at = at + 5 + length
  end
  return found
end

local function max_attempts(fields)
  local retries = envelope(get(fields, 'd'))[6]
  if not retries or #retries ~= 2 then return 4 end
  return struct.unpack('>I2', retries) + 1
end

local function message_id(fields)
  local id = envelope(get(fields, 'd'))[1]
  if id and #id == 16 then return id end
end

-- Wakes whoever waits: something came back, or is scheduled.
local function ring()
  redis.call('XADD', BELL, 'MAXLEN', 1, '*', 'r', '')
end

-- The last id of the normal lane. Where somebody has thrown the lane away alone it begins anew, behind what the others hold: without
-- it no step would work any more.
local function top()
  local info, last = redis.pcall('XINFO', 'STREAM', LANES[NORMAL]), '0-0'
  if not info.err then return get(info, 'last-generated-id') end
  redis.call('XGROUP', 'CREATE', LANES[NORMAL], '~', '0', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', LANES[NORMAL], '~')
  for lane = 0, 3 do
    local other = redis.pcall('XINFO', 'STREAM', LANES[lane])
    local id = not other.err and get(other, 'last-generated-id')
    if id and before(last, id) then last = id end
  end
  if last ~= '0-0' then redis.call('XSETID', LANES[NORMAL], last) end
  return last
end

-- Stores behind everything stored before, in whatever lane that was: the normal lane's last id is
-- at no time behind another lane's.
local function append(lane, fields)
  if lane == NORMAL then return redis.call('XADD', LANES[NORMAL], '*', unpack(fields)) end
  local ms, seq = split(top())
  local id
  if ms < now then id = whole(now) .. '-0' else id = whole(ms) .. '-' .. whole(seq + 1) end
  -- Who waits reads no lane that has nothing in it.
  local is_first = #redis.call('XRANGE', LANES[lane], '-', '+', 'COUNT', 1) == 0
  redis.call('XADD', LANES[lane], id, unpack(fields))
  redis.call('XSETID', LANES[NORMAL], id)
  if is_first then ring() end
  return id
end

-- Scheduled messages that are due get their place. Each has it before its schedule ends: what may not be written here (a user's
-- rights) stays scheduled, and is not lost.
local function promote()
  local due = redis.call('ZRANGEBYSCORE', DUE, '-inf', whole(now), 'LIMIT', 0, 1000)
  if #due > 0 then redis.call('ZREM', DUE, '') end
  for _, name in ipairs(due) do
    local packed = redis.call('HGET', BODY, name)
    if packed then
      local body = cmsgpack.unpack(packed)
      local fields = { 'd', body[3] }
      if body[2] ~= '' then fields = { 'd', body[3], 'x', body[2] } end
      local id = append(body[1], fields)
      -- IDS has had its id since it was scheduled, and must lose it with the entry.
      if body[1] == NORMAL then redis.call('HSET', META, 'promoted', id) end
    end
    redis.call('ZREM', DUE, name)
    redis.call('HDEL', BODY, name)
  end
end
