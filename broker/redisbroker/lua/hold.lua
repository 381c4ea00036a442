-- What the holder of a lease does with it. KEYS as in take.lua. ARGV: extend,
-- done or release; entry, worker, how many times it was handed out, lease in
-- milliseconds. Returns 1, or 0 if the caller does not hold the lease.
local stream, leases, GROUP, id = KEYS[1], KEYS[2], 'karez', ARGV[2]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function int(n) return string.format('%.0f', n) end

local p = redis.pcall('XPENDING', stream, GROUP, id, id, 1)
if p.err or not p[1] or p[1][2] ~= ARGV[3] or p[1][4] ~= tonumber(ARGV[4]) then return 0 end
if tonumber(redis.call('ZSCORE', leases, id) or 0) < 0 then return 0 end

if ARGV[1] == 'done' then
  redis.call('XACK', stream, GROUP, id)
  redis.call('XDEL', stream, id)
  redis.call('ZREM', leases, id)
elseif ARGV[1] == 'release' then
  redis.call('ZADD', leases, int(-now), id)
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', 16, '*', 'back', id)
else
  if not redis.call('XCLAIM', stream, GROUP, ARGV[3], 0, id, 'JUSTID')[1] then return 0 end
  redis.call('ZADD', leases, int(now + tonumber(ARGV[5])), id)
end
return 1
