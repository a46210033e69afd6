-- Acks messages of frames: notes which are finished, and acks the entry when all are. It stands alone, because it is called often.
-- KEYS: the normal lane, history, waiting. ARGV: the group's name on the streams, the consumer without its lease, then for each
-- frame its id, its name, how many messages it holds, and which are acked, in bits, the first in the lowest of the first byte.
-- Returns for each whether it is the consumer's.
local results = {}
-- It may run on a full server, which looks at its limit until the first write only.
redis.call('HDEL', KEYS[2], '')

local function octet(bits, at) return bits and string.byte(bits, at) or 0 end

local function mark(id, name, size, bits)
  local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], id, id, 1)
  pending = not pending.err and pending[1]
  if not pending or pending[4] ~= 1 or string.match(pending[2], '^(.*)@%d+$') ~= ARGV[2] then return 0 end
  local before, octets, is_all = redis.call('HGET', KEYS[2], 'f' .. name), {}, true
  for at = 1, math.ceil(size / 8) do
    octets[at] = bit.bor(octet(before, at), octet(bits, at))
    local full = math.min(8, size - 8 * (at - 1))
    if octets[at] ~= bit.lshift(1, full) - 1 then is_all = false end
  end
  if is_all then
    redis.call('XACK', KEYS[1], ARGV[1], id)
    redis.call('ZREM', KEYS[3], name)
    redis.call('HDEL', KEYS[2], 'f' .. name)
  else
    redis.call('HSET', KEYS[2], 'f' .. name, string.char(unpack(octets)))
  end
  return 1
end

for i = 3, #ARGV, 4 do results[#results + 1] = mark(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3]) end
return results
