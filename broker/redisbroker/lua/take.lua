-- KEYS: the stream of a queue, the sorted set of its leases (entry → end in
-- milliseconds; below 0: given back at minus that time), the stream that wakes
-- those who wait. ARGV: worker, lease in milliseconds. Returns an entry, how
-- many times it was handed out, and its fields; or '', the milliseconds until
-- the next lease ends (-1: none), and the ids after which to wait.
local stream, leases, GROUP = KEYS[1], KEYS[2], 'karez'
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function int(n) return string.format('%.0f', n) end
local until_ = int(now + tonumber(ARGV[2]))

if redis.call('EXISTS', stream) == 0 then
  redis.call('XGROUP', 'CREATE', stream, GROUP, '0', 'MKSTREAM')
end
while true do
  local id = redis.call('ZRANGEBYSCORE', leases, '0', int(now), 'LIMIT', 0, 1)[1]
    or redis.call('ZRANGEBYSCORE', leases, '-inf', '(0', 'LIMIT', 0, 1)[1]
  if not id then break end
  local got = redis.pcall('XCLAIM', stream, GROUP, ARGV[1], 0, id)
  local e = not got.err and got[1]
  if e and e[2] then
    local p = redis.call('XPENDING', stream, GROUP, id, id, 1)[1]
    redis.call('ZADD', leases, until_, id)
    return { id, p[4], e[2] }
  end
  redis.call('ZREM', leases, id) -- another program took it away
end

local r = redis.pcall('XREADGROUP', 'GROUP', GROUP, ARGV[1], 'COUNT', 1, 'STREAMS', stream, '>')
if r and r.err then
  if string.sub(r.err, 1, 7) ~= 'NOGROUP' then return r end
  redis.call('XGROUP', 'CREATE', stream, GROUP, '0')
  r = redis.call('XREADGROUP', 'GROUP', GROUP, ARGV[1], 'COUNT', 1, 'STREAMS', stream, '>')
end
if r then
  local e = r[1][2][1]
  redis.call('ZADD', leases, until_, e[1])
  return { e[1], 1, e[2] }
end

local first = redis.call('ZRANGE', leases, 0, 0, 'WITHSCORES')
local left = first[2] and math.max(tonumber(first[2]) - now, 0) or -1
local after = '0-0'
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local g = {}
  for i = 1, #flat, 2 do g[flat[i]] = flat[i + 1] end
  if g.name == GROUP then after = g['last-delivered-id'] end
end
local wake = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
return { '', left, after, wake and wake[1] or '0-0' }
