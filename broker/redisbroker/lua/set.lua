-- KEYS[1]: the value, kept as revision, ':' and data. ARGV: the revision that
-- it must have, 'set' or 'del', data, ttl. Returns the new revision, or -1.
-- A revision is the time in microseconds, or one more than the old one: it
-- grows also over a delete.
local old = redis.call('GETRANGE', KEYS[1], 0, 20)
local rev = tonumber(string.match(old, '^(%d+):') or 0)
if string.format('%.0f', rev) ~= ARGV[1] then return '-1' end
if ARGV[2] == 'del' then
  redis.call('DEL', KEYS[1])
  return '0'
end
local now = redis.call('TIME')
rev = string.format('%.0f', math.max(now[1] * 1000000 + now[2], rev + 1))
if ARGV[4] == '0' then
  redis.call('SET', KEYS[1], rev .. ':' .. ARGV[3])
else
  redis.call('SET', KEYS[1], rev .. ':' .. ARGV[3], 'PX', ARGV[4])
end
return rev
