-- Drops the oldest messages that every group has finished, because the server's memory is full: what is kept for replay gives way
-- to what is new. ARGV[1]: how many at most. Returns how many.
redis.call('DEL', META .. ':none')
local first, dropped = unfinished(), 0
while dropped < tonumber(ARGV[1]) do
  local lane, oldest
  for l = 0, 3 do
    local entry = first[l] and front(l)
    if entry and before(entry[1], first[l]) and (not oldest or before(entry[1], oldest[1])) then lane, oldest = l, entry end
  end
  if not oldest then break end
  dropped = dropped + drop_front(lane, oldest)
end
return dropped
