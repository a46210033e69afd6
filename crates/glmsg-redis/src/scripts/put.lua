-- Makes or replaces a value. KEYS: those of values, then the operation. ARGV: the key, the version it expects or nothing, how long the
-- operation is remembered, the value's life or nothing (both in milliseconds), the bytes. Returns the status and the version.
local done = redis.call('GET', KEYS[6])
if done then return { 'MADE', done } end
local key, expected = ARGV[1], ARGV[2]
local held, actual = versions(key)
if expected ~= '' and expected ~= whole(actual) then return { 'CONFLICT', whole(actual) } end
local version = actual + 1
-- Above all it ever had, so that who held one that is gone does not take this one for it.
if actual == 0 then version = math.max(held, floor()) + 1 end
redis.call('HSET', BYTES, key, ARGV[5])
local expires = '0'
if ARGV[4] == '' then
  redis.call('ZREM', EXPIRING, key)
else
  expires = whole(now + ARGV[4])
  redis.call('ZADD', EXPIRING, expires, key)
end
redis.call('HSET', KNOWN, key, whole(version) .. ' ' .. expires)
redis.call('ZADD', NAMES, 0, key)
redis.call('SET', KEYS[6], whole(version), 'PX', ARGV[3])
clear()
return { 'MADE', whole(version) }
