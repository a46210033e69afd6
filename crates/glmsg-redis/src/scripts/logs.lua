-- Before every step over a log. KEYS: the log, what is known of each (its version, a blank, and the time of its last record in
-- microseconds), the names of all in order, the operation. ARGV: the key, the version it expects or nothing, how long the operation is
-- remembered in milliseconds. Returns the status and the version.
local LOG, KNOWN, NAMES, OPERATION = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local key, expected = ARGV[1], ARGV[2]

local function whole(n) return string.format('%.0f', n) end

local done = redis.call('GET', OPERATION)
if done then return { 'MADE', done } end
local version, last = string.match(redis.call('HGET', KNOWN, key) or '0 0', '^(%d+) (%d+)$')
if expected ~= '' and expected ~= version then return { 'CONFLICT', version } end
