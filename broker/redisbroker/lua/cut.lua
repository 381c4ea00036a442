-- Takes away what follows the entry ARGV[1] ('': all of it), which nobody can
-- understand. The log is written anew, so that its last id goes back too.
-- ARGV[2]: the last id that the log had.
local s = look()
if not s or s.id ~= ARGV[2] then return 0 end
local good, left = {}, redis.call('PTTL', key)
if ARGV[1] ~= '' then good = redis.call('XRANGE', key, '-', ARGV[1]) end
redis.call('DEL', key)
for _, e in ipairs(good) do redis.call('XADD', key, e[1], unpack(e[2])) end
if #good == 0 then void() end
if left > 0 then redis.call('PEXPIRE', key, int(left)) end
reset()
return 1
