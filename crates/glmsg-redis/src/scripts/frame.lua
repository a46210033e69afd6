-- Stores a frame of messages that nobody has published before, in a topic that has room for them. It stands alone, because it is
-- called most. KEYS: meta, the normal lane, frames. ARGV: the frame, and how many messages it holds. Returns whether it is stored:
-- not where the topic is gone, or has no frames any more.
if (redis.call('HGET', KEYS[1], 'frames') or '') == '' then return 0 end
local id = redis.call('XADD', KEYS[2], 'NOMKSTREAM', '*', 'f', ARGV[1])
if not id then return 0 end
local ms, seq = string.match(id, '^(%d+)%-(%d+)$')
local last = redis.call('ZREVRANGE', KEYS[3], 0, 0)[1]
local upto = ARGV[2] - 1
if last then upto = upto + tonumber(string.sub(last, 25, 40), 16) end
redis.call('ZADD', KEYS[3], 0, string.format('%012x%012x%016x%04x', ms, seq, upto, ARGV[2]))
return 1
