-- The members of a group: consumer, when it was seen, and how many messages it holds.
if not exists() then return absence() end
local held = {}
for lane = 0, 4 do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', stream_of(lane), G)
  if not consumers.err then
    for _, consumer in ipairs(consumers) do
      local name = string.match(get(consumer, 'name'), '^(.*)@%d+$') or ''
      held[name] = (held[name] or 0) + get(consumer, 'pending')
    end
  end
end
of_frames(function(consumer, more)
  local name = string.match(consumer, '^(.*)@%d+$') or ''
  held[name] = (held[name] or 0) + more
end)
local found, seen = {}, redis.call('HGETALL', MEMBERS)
for i = 1, #seen, 2 do
  local name, lease = string.match(seen[i], '^(.*)@(%d+)$')
  if name and micros - tonumber(seen[i + 1]) <= 3000 * tonumber(lease) then
    found[#found + 1] = { seen[i], seen[i + 1], held[name] or 0 }
  end
end
return { 'OK', found }
