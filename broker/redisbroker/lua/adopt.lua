-- Finds jobs of foreign workers, which keep no lease beside the group, and
-- lets the lease of those end that have been idle for ARGV[1] milliseconds;
-- forgets workers that hold nothing and have been idle for ARGV[2].
local stream, leases, GROUP = KEYS[1], KEYS[2], 'karez'
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local from, n = '-', 0
for _ = 1, 20 do
  local r = redis.pcall('XPENDING', stream, GROUP, 'IDLE', ARGV[1], from, '+', 200)
  if r.err or #r == 0 then break end
  for _, p in ipairs(r) do
    n = n + redis.call('ZADD', leases, 'NX', string.format('%.0f', now), p[1])
  end
  from = '(' .. r[#r][1]
end
local workers = redis.pcall('XINFO', 'CONSUMERS', stream, GROUP)
if not workers.err then
  for _, flat in ipairs(workers) do
    local c = {}
    for i = 1, #flat, 2 do c[flat[i]] = flat[i + 1] end
    if c.pending == 0 and c.idle > tonumber(ARGV[2]) then
      redis.call('XGROUP', 'DELCONSUMER', stream, GROUP, c.name)
    end
  end
end
return n
