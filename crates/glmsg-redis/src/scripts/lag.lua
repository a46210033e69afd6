-- How far the group is behind. Returns undelivered, in flight, delayed, dead letters, and the age of the oldest in ms or -1;
-- or a number alone while it is still reading ahead.
redis.call('HDEL', MEMBERS, '')
if not exists() then return absence() end
promote()
drop_old_letters()
local undelivered, in_flight, delayed, oldest = 0, 0, 0, nil

local function see(id)
  local ms = split(id)
  if not oldest or ms < oldest then oldest = ms end
end

local function count(holder, messages)
  if holder == UNSEEN then undelivered = undelivered + messages
  elseif holder == NOBODY then delayed = delayed + messages
  else in_flight = in_flight + messages end
end

for lane = 0, 4 do
  local stream = stream_of(lane)
  local pending = redis.pcall('XPENDING', stream, G)
  if not pending.err and pending[1] > 0 then
    if lane < 4 then see(pending[2]) end
    for _, holder in ipairs(pending[4]) do count(holder[1], tonumber(holder[2])) end
  end
end
of_frames(count)
local since = redis.call('ZRANGE', ORIGINS, 0, 0, 'WITHSCORES')[2]
if since then see(since .. '-0') end
for lane = 0, 3 do
  local groups = redis.pcall('XINFO', 'GROUPS', LANES[lane])
  if groups.err then return { 'LOST' } end
  for _, group in ipairs(groups) do
    if get(group, 'name') == G then
      local last = '(' .. get(group, 'last-delivered-id')
      local first = redis.call('XRANGE', LANES[lane], last, '+', 'COUNT', 1)[1]
      if first then
        see(first[1])
        if BY_KEY then
          for _ = 1, 40 do if absorb(lane, 256) < 256 then break end end
          return { 'AGAIN' }
        end
        local lag = get(group, 'lag')
        if not lag then
          lag = 0
          local most = redis.call('EXISTS', FRAMES) == 1 and 20 or 1000
          repeat
            local some = redis.call('XRANGE', LANES[lane], last, '+', 'COUNT', most)
            lag = lag + #some
            if #some > 0 then last = '(' .. some[#some][1] end
          until #some < most
        end
        undelivered = undelivered + lag
        if lane == NORMAL then undelivered = undelivered + excess(get(group, 'last-delivered-id')) end
      end
    end
  end
end
if BY_KEY then
  undelivered = redis.call('ZCARD', READY)
  delayed = delayed - undelivered
end
return { 'OK', undelivered, in_flight, delayed, redis.call('ZCARD', DEAD_ORDER), oldest and whole(now - oldest) or '-1' }
