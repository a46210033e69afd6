-- Deletes a group (ARGV[1] its name) or the whole topic (no ARGV). A mark tells the deletion from a loss for a day.
redis.call('DEL', META .. ':none')
local base = string.sub(META, 1, -5)
if redis.call('HEXISTS', META, 'len') == 0 then return 0 end
local parts = { 'waiting', 'history', 'orphans', 'letters', 'letter-ids', 'letter', 'ready', 'parked', 'active', 'members', 'origins' }

local function delete_group(name, row)
  local group = name .. '#' .. string.match(row, '|(%x+)$')
  for lane = 0, 3 do redis.pcall('XGROUP', 'DESTROY', LANES[lane], group) end
  redis.pcall('XGROUP', 'DESTROY', BELL, group)
  for _, part in ipairs(parts) do redis.call('DEL', base .. part .. ':' .. group) end
  redis.call('HDEL', GROUPS, name)
  redis.call('HDEL', META, 'scan:' .. group)
  redis.call('HSET', GONE, name, whole(now))
end

-- Marks that are older than a day: the expiry of all is put off by each.
local marks = redis.call('HGETALL', GONE)
for i = 1, #marks, 2 do
  if now - tonumber(marks[i + 1]) > 86400000 then redis.call('HDEL', GONE, marks[i]) end
end

local rows = redis.call('HGETALL', GROUPS)
local found = 0
for i = 1, #rows, 2 do
  if not ARGV[1] or rows[i] == ARGV[1] then
    delete_group(rows[i], rows[i + 1])
    found = found + 1
  end
end
if ARGV[1] then
  if found > 0 then redis.call('EXPIRE', GONE, 86400) end
  return found
end
redis.call('DEL', META, GROUPS, IDS, LANES[0], LANES[1], LANES[2], LANES[3], DUE, BODY, FRAMES)
redis.call('HSET', GONE, '*', whole(now))
redis.call('EXPIRE', GONE, 86400)
redis.call('DEL', BELL)
return 1
