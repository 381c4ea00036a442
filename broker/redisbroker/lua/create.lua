-- ARGV: '0', '1', '', '', ttl, then for each event the number of its fields
-- and the fields. The first four are as append.lua has them.
if redis.call('EXISTS', key) == 1 then return { 'exists', 0 } end
local i, n, kind = 6, 0, ''
while i <= #ARGV do
  local fields = tonumber(ARGV[i])
  n, kind = n + 1, ARGV[i + 1]
  redis.call('XADD', key, '0-' .. n, unpack(ARGV, i + 1, i + fields))
  i = i + fields + 1
end
if n == 0 then void() end
redis.call('DEL', meta)
if ENDS[kind] then redis.call('XSETID', key, MAX) end
keep(ARGV[5])
tell()
return { 'ok', n }
