-- After the prelude and the frames: what a topic holds, and dropping of it.

-- For each lane, the first id that some group has not finished; none where there is no group.
local function unfinished()
  local first = {}
  for lane = 0, 3 do
    local groups = redis.pcall('XINFO', 'GROUPS', LANES[lane])
    if not groups.err then
      for _, group in ipairs(groups) do
        local id
        if get(group, 'pending') > 0 then id = redis.call('XPENDING', LANES[lane], get(group, 'name'))[2]
        else id = following(get(group, 'last-delivered-id')) end
        if not first[lane] or before(id, first[lane]) then first[lane] = id end
      end
    end
  end
  return first
end

local function front(lane)
  return redis.call('XRANGE', LANES[lane], '-', '+', 'COUNT', 1)[1]
end

-- Notes up to where a lane was trimmed: what is missing behind that was lost.
local function cut(lane, id)
  redis.call('HSET', META, 'cut' .. lane, id)
end

-- Drops an entry, the first of its lane. Returns how many messages that were.
local function drop_front(lane, entry)
  local id, size = entry[1], 1
  redis.call('XTRIM', LANES[lane], 'MINID', following(id))
  cut(lane, following(id))
  if get(entry[2], 'f') then
    size = size_at(id)
    redis.call('ZREMRANGEBYLEX', FRAMES, '-', '(' .. hex(following(id)))
    -- To find the ids of a frame takes long, and most are in no set.
    if before(redis.call('HGET', META, 'indexed') or '0-0', id) then return size end
  end
  local ids = ids_of(entry[2])
  if #ids > 0 then redis.call('SREM', IDS, unpack(ids)) end
  return size
end

-- How many messages the topic holds.
local function length()
  local sum = redis.call('ZCARD', DUE) + excess()
  for lane = 0, 3 do sum = sum + redis.call('XLEN', LANES[lane]) end
  return sum
end

-- Drops so many of the oldest of the normal lane, before an id, whose own ids IDS has.
local function drop_indexed(first, most)
  while most > 0 do
    local some = redis.call('XRANGE', LANES[NORMAL], '-', '(' .. first, 'COUNT', math.min(most, 200))
    if #some == 0 then return end
    local ids, last = {}, nil
    for _, entry in ipairs(some) do
      if most <= 0 then break end
      for _, id in ipairs(ids_of(entry[2])) do ids[#ids + 1] = id end
      most = most - (get(entry[2], 'f') and size_at(entry[1]) or 1)
      last = entry[1]
      if #ids > 1000 then redis.call('SREM', IDS, unpack(ids)) ids = {} end
    end
    if #ids > 0 then redis.call('SREM', IDS, unpack(ids)) end
    redis.call('XTRIM', LANES[NORMAL], 'MINID', following(last))
    cut(NORMAL, following(last))
    redis.call('ZREMRANGEBYLEX', FRAMES, '-', '(' .. hex(following(last)))
  end
end

-- Drops about so many of the oldest of the normal lane, before an id, whose own ids IDS has not.
local function drop_unindexed(first, most)
  local entries = redis.call('XLEN', LANES[NORMAL])
  most = math.max(1, math.floor(most * entries / (entries + excess())))
  if redis.call('XTRIM', LANES[NORMAL], 'MINID', '~', first, 'LIMIT', most) == 0 then return end
  local entry = front(NORMAL)
  cut(NORMAL, entry and entry[1] or first)
  if redis.call('EXISTS', FRAMES) == 1 then
    redis.call('ZREMRANGEBYLEX', FRAMES, '-', '(' .. hex(entry and entry[1] or first))
  end
end

-- Drops what every group has finished and the topic keeps no longer.
local function drop_aged()
  local age = tonumber(redis.call('HGET', META, 'age') or '0')
  local first
  for lane = 0, 3 do
    for _ = 1, 1000 do
      local entry = front(lane)
      if not entry or now - split(entry[1]) <= age then break end
      first = first or unfinished()
      if not first[lane] or not before(entry[1], first[lane]) then break end
      drop_front(lane, entry)
    end
  end
end
