-- Keys of values in order, and clears away some that have expired. KEYS: those of values. ARGV: where to begin, what they begin with,
-- how many at most, how many to look at. Returns the keys; and if there may be more of them, the last one looked at.
clear()
local found = {}
local page = redis.call('ZRANGEBYLEX', NAMES, ARGV[1], '+', 'LIMIT', 0, ARGV[4])
for _, key in ipairs(page) do
  if string.sub(key, 1, #ARGV[2]) ~= ARGV[2] then return { found } end
  local _, version = versions(key)
  if version > 0 then found[#found + 1] = key end
  if #found >= tonumber(ARGV[3]) then return { found } end
end
if #page < tonumber(ARGV[4]) then return { found } end
return { found, page[#page] }
