-- Notes how many messages the frame holds that was stored just now, in the same transaction. The frame itself never comes here:
-- to bring it into this interpreter costs more than to store it. KEYS: meta, the normal lane, frames. ARGV: how many messages.
-- Returns 1; or 0 if nothing is stored: the topic is gone, or has no frames any more, and then the frame goes again.
if redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
-- A group that begins at the end says where that is, and no other command does without the last entry itself.
redis.call('XGROUP', 'CREATE', KEYS[2], '~', '$')
local groups, id = redis.call('XINFO', 'GROUPS', KEYS[2]), nil
redis.call('XGROUP', 'DESTROY', KEYS[2], '~')
for _, group in ipairs(groups) do
  if group[2] == '~' then
    for i = 1, #group, 2 do if group[i] == 'last-delivered-id' then id = group[i + 1] end end
  end
end
if (redis.call('HGET', KEYS[1], 'frames') or '') == '' then
  redis.call('XDEL', KEYS[2], id)
  return 0
end
local ms, seq = string.match(id, '^(%d+)%-(%d+)$')
local last = redis.call('ZREVRANGE', KEYS[3], 0, 0)[1]
local upto = ARGV[1] - 1
if last then upto = upto + tonumber(string.sub(last, 25, 40), 16) end
redis.call('ZADD', KEYS[3], 0, string.format('%012x%012x%016x%04x', ms, seq, upto, ARGV[1]))
return 1
