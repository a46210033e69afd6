-- Before every step over values. KEYS: what is known of each (its version, a blank, and when it expires in milliseconds or 0), their
-- bytes, their names in order, those that expire by when, the greatest version of one that is gone.
local KNOWN, BYTES, NAMES, EXPIRING, FLOOR = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
-- What has expired is cleared away so many at a time.
local CLEARED = 16

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function whole(n) return string.format('%.0f', n) end

-- The version of a value that is there, expired or not, and of one that has not expired; 0 for none.
local function versions(key)
  local known = redis.call('HGET', KNOWN, key)
  if not known then return 0, 0 end
  local version, expires = string.match(known, '^(%d+) (%d+)$')
  version, expires = tonumber(version), tonumber(expires)
  if expires > 0 and expires <= now then return version, 0 end
  return version, version
end

local function floor() return tonumber(redis.call('GET', FLOOR) or '0') end

-- The first write is one that a full server takes.
local function drop(key)
  local version = versions(key)
  redis.call('HDEL', KNOWN, key)
  redis.call('HDEL', BYTES, key)
  redis.call('ZREM', NAMES, key)
  redis.call('ZREM', EXPIRING, key)
  if version > floor() then redis.call('SET', FLOOR, whole(version)) end
end

local function clear()
  local gone = redis.call('ZRANGEBYSCORE', EXPIRING, '-inf', whole(now), 'LIMIT', 0, CLEARED)
  for _, key in ipairs(gone) do drop(key) end
end
