-- Lists, redrives or purges dead letters. ARGV from 3: 'list', 'redrive' or 'purge', after which number, up to which number or
-- '', how many, and which: 'all', 'reason' and its number, or 'ids' and the ids.
-- Returns OK, where it ended or '' at the end, the last number when it began, and the letters or how many it moved.
local what, after, upto, limit, which = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7]
redis.call('HDEL', MEMBERS, '')
if not exists() then return absence() end
drop_old_letters()
if upto == '' then upto = string.format('%016x', tonumber(redis.call('HGET', META, 'dead') or '0')) end

local function numbers()
  if which ~= 'ids' then
    return redis.call('ZRANGEBYSCORE', DEAD_ORDER, '(' .. whole(tonumber(after, 16) or 0), whole(tonumber(upto, 16)), 'LIMIT', 0, 1000)
  end
  local found = {}
  for i = 8, #ARGV do
    for _, member in ipairs(redis.call('ZRANGEBYLEX', DEAD_IDS, '[' .. ARGV[i], '[' .. ARGV[i] .. '\255')) do
      local number = string.sub(member, 17)
      if number > after and number <= upto then found[#found + 1] = number end
    end
  end
  table.sort(found)
  return found
end

local function remove(number, letter)
  redis.call('ZREM', DEAD_ORDER, number)
  redis.call('ZREM', DEAD_IDS, letter[1] .. number)
  redis.call('HDEL', DEAD, number)
end

local function redrive(letter)
  local lane, id, body, name = letter[2], letter[3], letter[9], nil
  local fields = envelope(body)
  if lane >= 4 or #redis.call('XRANGE', LANES[lane], id, id) == 0 then
    -- The topic has dropped it: it comes back for this group alone.
    lane = 4 + lane % 4
    name = to_orphans(G, { 'd', body }, lane - 4, 0, '', now, split(id))
  else
    name = name_of(lane, id)
    redis.call('XCLAIM', LANES[lane], G, NOBODY, 0, id, 'RETRYCOUNT', 0, 'FORCE', 'JUSTID')
    redis.call('ZADD', W, whole(now), name)
  end
  redis.call('HDEL', H, name, 'x' .. name)
  if fields[8] then
    local ttl = struct.unpack('>I4', fields[8]) * 4294967296 + struct.unpack('>I4', fields[8], 5)
    redis.call('HSET', H, 'x' .. name, whole(math.min(now + ttl, 9007199254740991)))
  end
  if BY_KEY and lane < 4 then
    local prefix = key_prefix(lane, { 'd', body })
    if prefix then
      -- The next of its key has had its turn since, and waits again unless it has been delivered.
      local next = first_of_key(prefix)
      if next and name < next and redis.call('ZREM', READY, next) == 1 then redis.call('ZADD', PARKED, 0, next) end
      redis.call('ZADD', ACTIVE, 0, prefix .. name)
    end
  end
end

local found, moved, size, ended = {}, 0, 0, ''
local all = numbers()
for _, number in ipairs(all) do
  if (what == 'list' and #found >= limit) or size > 8000000 or moved >= limit then ended = after break end
  local packed = redis.call('HGET', DEAD, number)
  local letter = packed and cmsgpack.unpack(packed)
  after = number
  if letter and (which ~= 'reason' or letter[6] == tonumber(ARGV[8])) then
    if what == 'list' then
      size = size + #letter[9]
      found[#found + 1] = { letter[1], letter[4], whole(letter[5]), letter[6], letter[7], letter[8], letter[9] }
    elseif what == 'purge' then
      remove(number, letter)
      moved = moved + 1
    elseif letter[10] == 0 then
      -- Given back before it is removed: where a user's rights end in between, it is still there.
      redrive(letter)
      remove(number, letter)
      moved = moved + 1
    end
  end
end
if ended == '' and which ~= 'ids' and #all == 1000 then ended = after end
if what == 'redrive' and moved > 0 then ring() end
if what == 'list' then return { 'OK', ended, upto, found } end
return { 'OK', ended, upto, moved }
