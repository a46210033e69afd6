-- Looks for entries that were acknowledged. ARGV: for each its lane, its id, and the message's id; '*' where that is not known, ''
-- where the entry's id is not known and is not below this one. Returns for each 0 there, 1 not there and never dropped, 2 dropped or deleted as it should be.
-- Where the entry's id is not known the answer is 1 or 2.
local topic = redis.call('HMGET', META, 'len', 'created', 'after', 'cut0', 'cut1', 'cut2', 'cut3')
local deleted = not topic[1] and redis.call('HEXISTS', GONE, '*') == 1
-- One made after it was deleted has nothing of the one before.
local born = topic[3] and math.floor(tonumber(topic[2]) / 1000) or -1
local results = {}
for i = 1, #ARGV, 3 do
  local lane, id, message = tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2]
  local cut, result = topic[4 + lane], 1
  if deleted or split(id) <= born or (cut and before(id, cut)) then
    result = 2
  elseif topic[1] and message ~= '' then
    local entry = redis.call('XRANGE', LANES[lane], id, id)[1]
    -- After a loss another message may have got the same id.
    if entry and (message == '*' or (message_id(entry[2]) or message) == message) then result = 0 end
  end
  results[#results + 1] = result
end
return results
