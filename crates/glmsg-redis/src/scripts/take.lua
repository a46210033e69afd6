-- Removes a value. KEYS and the first ARGV as in `put`.
local done = redis.call('GET', KEYS[6])
if done then return { 'MADE', done } end
local held, actual = versions(ARGV[1])
if ARGV[2] ~= '' and ARGV[2] ~= whole(actual) then return { 'CONFLICT', whole(actual) } end
if held > 0 then
  drop(ARGV[1])
  redis.call('SET', KEYS[6], '0', 'PX', ARGV[3])
end
return { 'MADE', '0' }
