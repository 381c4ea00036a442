-- ARGV: how many entries to keep.
local n = redis.call('XTRIM', key, 'MAXLEN', ARGV[1])
if n > 0 then reset() end
return n
