-- The usual publish: messages of normal priority, with no time to live and no schedule, all new, with room for all. Anything else
-- changes nothing and returns 0: the publish step decides. It stands alone, without the prelude, because it is called most.
-- KEYS: meta, ids, the normal lane, due. ARGV: for each its id and envelope.
local length = redis.call('HGET', KEYS[1], 'len')
local count = #ARGV / 2
if not length or tonumber(length) < redis.call('SCARD', KEYS[2]) + count or redis.call('EXISTS', KEYS[4]) == 1 then return 0 end
if count == 1 then
  if redis.call('SADD', KEYS[2], ARGV[1]) == 0 then return 0 end
  redis.call('XADD', KEYS[3], '*', 'd', ARGV[2])
  return 1
end
local ids, seen = {}, {}
for i = 1, count do
  local id = ARGV[2 * i - 1]
  if seen[id] then return 0 end
  seen[id], ids[i] = true, id
end
local known = redis.call('SMISMEMBER', KEYS[2], unpack(ids))
for i = 1, count do if known[i] == 1 then return 0 end end
redis.call('SADD', KEYS[2], unpack(ids))
for i = 2, #ARGV, 2 do redis.call('XADD', KEYS[3], '*', 'd', ARGV[i]) end
return 1
