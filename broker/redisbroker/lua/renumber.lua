-- Gives entries that came with '*' into a log of '0-*' the places that they
-- stand at. For timelines and streams: no author can be told to stop there.
local s = look()
if not s or not s.mixed then return 0 end
local moved = redis.call('XRANGE', key, int(CLOCK) .. '-0', '+')
for _, e in ipairs(moved) do redis.call('XDEL', key, e[1]) end
local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
local back = redis.pcall('XSETID', key, last[1])
if back.err then -- newer servers do not go back below what was deleted
  local all, left = redis.call('XRANGE', key, '-', '+'), redis.call('PTTL', key)
  redis.call('DEL', key)
  for _, e in ipairs(all) do redis.call('XADD', key, e[1], unpack(e[2])) end
  if left > 0 then redis.call('PEXPIRE', key, int(left)) end
end
for _, e in ipairs(moved) do redis.call('XADD', key, '0-*', unpack(e[2])) end
reset()
return 1
