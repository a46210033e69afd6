-- A member comes. ARGV[3]: the consumer. Returns OK and how many messages an entry may hold.
if not exists() then return absence() end
redis.call('HSET', MEMBERS, ARGV[3], whole(micros))
local config, size = redis.call('HMGET', META, 'len', 'frames'), 1
if config[2] and config[2] ~= '' then size = frame_limit(config[2], config[1]) end
return { 'OK', size }
