-- Makes a topic, and a group, where there is none. ARGV: '1' to change an existing topic's bounds, its five bounds, then
-- nothing, or the group's name, ordering, a fresh incarnation, '1' if the group must be new, the id it starts behind, and from
-- which message on it gets those of the frame with this id, or ''.
-- Returns whether the topic was made (2: after it was deleted), and the group's row and whether it was made; or FRAMED where messages cannot be stored
-- together because a group keeps the order of keys, or a group cannot keep it because they are.
local row_of = { 'len', 'age', 'overflow', 'letters', 'frames' }
local is_new = redis.call('HEXISTS', META, 'len') == 0
local made_topic = is_new and 1 or 0
local changes = is_new or ARGV[1] == '1'
local row = ARGV[7] and redis.call('HGET', GROUPS, ARGV[7])
-- A topic that a group by key brings into being has no frames, whatever the defaults are.
if is_new and ARGV[1] ~= '1' and ARGV[8] == 'key' then ARGV[6] = '' end
if changes and ARGV[6] ~= '' then
  for _, other in ipairs(redis.call('HVALS', GROUPS)) do
    if string.sub(other, 1, 4) == 'key|' then return { 'FRAMED' } end
  end
end
if ARGV[7] and not row and ARGV[8] == 'key' then
  local option = changes and ARGV[6] or redis.call('HGET', META, 'frames') or ''
  if option ~= '' or redis.call('EXISTS', FRAMES) == 1 then return { 'FRAMED' } end
end
if changes then
  for i, name in ipairs(row_of) do redis.call('HSET', META, name, ARGV[i + 1]) end
end
if is_new then
  redis.call('HSET', META, 'created', whole(micros))
  -- Nothing was lost that somebody deleted.
  if redis.call('HDEL', GONE, '*') == 1 then
    redis.call('HSET', META, 'after', '1')
    made_topic = 2
  end
end
if redis.call('EXISTS', LANES[NORMAL]) == 0 then
  -- Messages of other lanes get their ids from this one, so it is there, empty, from the beginning.
  redis.call('XGROUP', 'CREATE', LANES[NORMAL], '~', '0', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', LANES[NORMAL], '~')
end
promote()
if not ARGV[7] then return { made_topic } end
local name, ordering, incarnation, must_be_new, start, first = ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12]
if row and must_be_new == '1' then return { made_topic, row, 0 } end
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
if made == 1 and first ~= '' then
  -- It begins within a frame: what it gets of that is on its own from the beginning.
  local base = string.sub(META, 1, -5)
  W, H, ORPHANS, ORIGINS = base .. 'waiting:' .. group, base .. 'history:' .. group, base .. 'orphans:' .. group, base .. 'origins:' .. group
  local entry = redis.call('XRANGE', LANES[NORMAL], start, start)[1]
  local bytes, size = frame_of(entry and entry[2] or {})
  for index = tonumber(first), (size or 0) - 1 do
    to_orphans(group, fields_in(start, bytes, size, index), NORMAL, 0, '', now, split(start))
  end
end
return { made_topic, row, made }
