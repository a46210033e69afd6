-- What an operator sees of a topic: messages, scheduled ones, dead letters, bounds, and its groups with their rows and members.
redis.call('DEL', META .. ':none')
local config = redis.call('HMGET', META, 'len', 'age', 'overflow', 'letters', 'frames')
if not config[1] then return { 'ABSENT' } end
promote()
drop_aged()
local base = string.sub(META, 1, -5)
local messages, letters, groups = 0, 0, {}
for lane = 0, 3 do messages = messages + redis.call('XLEN', LANES[lane]) end
messages = messages + excess()
local scheduled = redis.call('ZCARD', DUE)
local rows = redis.call('HGETALL', GROUPS)
for i = 1, #rows, 2 do
  local group = rows[i] .. '#' .. string.match(rows[i + 1], '|(%x+)$')
  letters = letters + redis.call('ZCARD', base .. 'letters:' .. group)
  local members, seen = 0, redis.call('HGETALL', base .. 'members:' .. group)
  for j = 1, #seen, 2 do
    local lease = tonumber(string.match(seen[j], '@(%d+)$'))
    if lease and micros - tonumber(seen[j + 1]) <= 3000 * lease then members = members + 1 end
  end
  groups[#groups + 1] = { rows[i], rows[i + 1], members }
end
return { 'OK', messages + scheduled, scheduled, letters, config, groups }
