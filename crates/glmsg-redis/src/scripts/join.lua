-- A member comes. ARGV[3]: the consumer.
if not exists() then return absence() end
redis.call('HSET', MEMBERS, ARGV[3], whole(micros))
return { 'OK' }
