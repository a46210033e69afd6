-- Makes room in the topic, and tells how many messages may be stored by plain commands before somebody looks again: a quarter of
-- what is free, so that several who publish at a time do not go over the bound. Returns OK, the number, how many messages a frame
-- may hold, or 1 where there are none, and for how many microseconds one may wait; or ABSENT.
local config = redis.call('HMGET', META, 'len', 'indexed', 'frames', 'promoted')
if not config[1] then return { 'ABSENT' } end
promote()
drop_aged()
local most = tonumber(config[1])
local packed, delay = 1, 0
if config[3] and config[3] ~= '' then packed, delay = frame_limit(config[3], most), tonumber(string.match(config[3], '%d+$')) end
local free = most - length()
-- What everybody has finished goes before the topic is full, many at a time. A small topic keeps to its bound exactly, and the
-- publish step makes room in it.
if most >= 1024 and free < most / 32 then
  local first = unfinished()[NORMAL]
  local oldest = front(NORMAL)
  local goal = math.floor(most / 16) - free
  if first and oldest and before(oldest[1], first) then
    local known = config[2] or '0-0'
    if config[4] and before(known, config[4]) then known = config[4] end
    if not before(known, oldest[1]) then drop_indexed(first, goal)
    else drop_unindexed(first, goal) end
  end
  free = most - length()
end
-- Scheduled messages have their place before those published after they are due: only the publish step sees to that.
if free <= 0 or redis.call('EXISTS', DUE) == 1 then return { 'OK', 0, packed, delay } end
return { 'OK', math.min(math.floor(free / 4), 100000), packed, delay }
