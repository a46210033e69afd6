-- Appends to a log. ARGV beyond the first: the records.
if #ARGV == 3 then return { 'MADE', version } end
local clock = redis.call('TIME')
local at = whole(math.max(clock[1] * 1000000 + clock[2], last))
version = tonumber(version)
for i = 4, #ARGV do
  version = version + 1
  redis.call('XADD', LOG, whole(version) .. '-0', 't', at, 'd', ARGV[i])
end
redis.call('HSET', KNOWN, key, whole(version) .. ' ' .. at)
redis.call('ZADD', NAMES, 0, key)
redis.call('SET', OPERATION, whole(version), 'PX', ARGV[3])
return { 'MADE', whole(version) }
