-- A value. KEYS: those of values. ARGV: the key. Returns its version and bytes, or nothing.
local _, version = versions(ARGV[1])
if version == 0 then return {} end
return { whole(version), redis.call('HGET', BYTES, ARGV[1]) or '' }
