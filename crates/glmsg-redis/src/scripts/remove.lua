-- Removes a log with all its records. The first write is one that a full server takes.
if version ~= '0' then
  redis.call('HDEL', KNOWN, key)
  redis.call('ZREM', NAMES, key)
  redis.call('UNLINK', LOG)
  redis.call('SET', OPERATION, '0', 'PX', ARGV[3])
end
return { 'MADE', '0' }
