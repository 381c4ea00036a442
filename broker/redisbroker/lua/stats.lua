-- Returns how many jobs wait, how many are leased, in microseconds how long the
-- oldest has waited and how long ago the first lease ran out, and how many
-- leases have not run out.
local stream, leases, GROUP = KEYS[1], KEYS[2], 'karez'
if redis.call('EXISTS', stream) == 0 then return { 0, 0, 0, 0, 0 } end
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local function int(n) return string.format('%.0f', n) end

local after, pending, lag = '0-0', 0, nil
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local g = {}
  for i = 1, #flat, 2 do g[flat[i]] = flat[i + 1] end
  if g.name == GROUP then after, pending, lag = g['last-delivered-id'], g.pending, g.lag end
end
local new = lag or redis.call('XLEN', stream) - pending
if after == '0-0' and pending == 0 then new = redis.call('XLEN', stream) end
local back = redis.call('ZCOUNT', leases, '-inf', '(0')
local oldest, expired = 0, 0
local e = redis.call('XRANGE', stream, '(' .. after, '+', 'COUNT', 1)[1]
if e then oldest = now - tonumber(string.match(e[1], '^%d+')) * 1000 end
local b = redis.call('ZREVRANGEBYSCORE', leases, '(0', '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
if b[2] then oldest = math.max(oldest, now + tonumber(b[2]) * 1000) end
local ms = int(math.floor(now / 1000))
local x = redis.call('ZRANGEBYSCORE', leases, '0', ms, 'WITHSCORES', 'LIMIT', 0, 1)
local dead = redis.call('ZCOUNT', leases, '0', ms)
if x[2] then expired = now - tonumber(x[2]) * 1000 end
return { new + back, pending - back, math.max(oldest, 0), math.max(expired, 0), math.max(pending - back - dead, 0) }
