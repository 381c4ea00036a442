-- ARGV: the last id of a log of a foreign producer that was found sound, or
-- 'any'. Returns a word, the epoch, the top, and the last id.
local s = look()
if not s then return { 'none' } end
if s.ended then return { 'ended' } end
if s.mixed or s.epoch == 0 and s.length > 1 and ARGV[1] ~= s.id and ARGV[1] ~= 'any' then
  return { 'check', 0, 0, s.id }
end
local epoch = int(s.epoch + 1)
if s.clock then -- no last id but the greatest refuses '*'
  redis.call('HSET', meta, 'epoch', epoch)
  local left = redis.call('PTTL', key)
  if left > 0 then redis.call('PEXPIRE', meta, int(left + 60000)) end
  redis.call('XSETID', key, MAX)
else
  redis.call('XSETID', key, epoch .. '-' .. int(s.top))
end
return { 'ok', s.epoch + 1, s.top, s.id }
