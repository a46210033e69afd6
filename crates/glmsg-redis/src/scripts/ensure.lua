-- Makes a topic, and a group, where there is none. ARGV: '1' to change an existing topic's bounds, its five bounds, then
-- nothing, or the group's name, ordering, a fresh incarnation, '1' if the group must be new, and the id it starts behind.
-- Returns whether the topic was made, and the group's row and whether it was made.
local row_of = { 'len', 'age', 'overflow', 'letters', 'frames' }
local is_new = redis.call('HEXISTS', META, 'len') == 0
if is_new or ARGV[1] == '1' then
  for i, name in ipairs(row_of) do redis.call('HSET', META, name, ARGV[i + 1]) end
end
if is_new then
  redis.call('HSET', META, 'created', whole(micros))
  redis.call('HDEL', GONE, '*')
end
if redis.call('EXISTS', LANES[NORMAL]) == 0 then
  -- Messages of other lanes get their ids from this one, so it is there, empty, from the beginning.
  redis.call('XGROUP', 'CREATE', LANES[NORMAL], '~', '0', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', LANES[NORMAL], '~')
end
promote()
if not ARGV[7] then return { is_new and 1 or 0 } end
local name, ordering, incarnation, must_be_new, start = ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local row = redis.call('HGET', GROUPS, name)
if row and must_be_new == '1' then return { is_new and 1 or 0, row, 0 } end
local made = 0
if not row then
  row = ordering .. '|' .. whole(micros) .. '|' .. incarnation
  redis.call('HSET', GROUPS, name, row)
  redis.call('HDEL', GONE, name)
  made = 1
end
local group = name .. '#' .. string.match(row, '|(%x+)$')
if start == '$' then
  start = get(redis.call('XINFO', 'STREAM', LANES[NORMAL]), 'last-generated-id')
end
for lane = 0, 3 do
  -- A group that is there stays as it is; one of whose streams was lost gets it back.
  local lane_start = start
  if made == 0 then lane_start = '0' end
  local groups = redis.pcall('XINFO', 'GROUPS', LANES[lane])
  local has = false
  if not groups.err then
    for _, g in ipairs(groups) do if get(g, 'name') == group then has = true end end
  end
  if not has then
    redis.call('XGROUP', 'CREATE', LANES[lane], group, lane_start, 'MKSTREAM')
    if made == 0 then made = 2 end
  end
end
if redis.pcall('XPENDING', BELL, group).err then redis.call('XGROUP', 'CREATE', BELL, group, '0', 'MKSTREAM') end
return { is_new and 1 or 0, row, made }
