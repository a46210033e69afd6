-- A member goes. What it holds stays held until its lease runs out. ARGV[3]: the consumer.
redis.call('HDEL', MEMBERS, ARGV[3])
for lane = 0, 4 do
  local pending = redis.pcall('XPENDING', stream_of(lane), G, '-', '+', 1, ARGV[3])
  if not pending.err and #pending == 0 then redis.pcall('XGROUP', 'DELCONSUMER', stream_of(lane), G, ARGV[3]) end
end
-- Who goes with a ring that it has not followed leaves it to the others.
local rung = redis.pcall('XGROUP', 'DELCONSUMER', BELL, G, ARGV[3])
if type(rung) == 'number' and rung > 0 then ring() end
return 1
