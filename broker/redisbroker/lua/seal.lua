-- Takes away what a foreign producer wrote behind the terminal entry, and
-- keeps it from writing more. ARGV: id and place of that entry.
local e = redis.call('XRANGE', key, ARGV[1], ARGV[1])[1]
if not e or not ENDS[e[2][1]] then return 0 end
while true do
  local r = redis.call('XRANGE', key, '(' .. ARGV[1], '+', 'COUNT', 500)
  if #r == 0 then break end
  for i, x in ipairs(r) do r[i] = x[1] end
  redis.call('XDEL', key, unpack(r))
end
local left = redis.call('XLEN', key)
redis.call('XSETID', key, MAX, 'ENTRIESADDED', int(math.max(left, tonumber(ARGV[2]))), 'MAXDELETEDID', '0-0')
return 1
