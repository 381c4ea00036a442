-- Replaces all entries of an ended log. ARGV: ttl, the length it was read
-- with, or '' to set the ttl alone; then for each entry its id, the number of
-- its fields, and the fields.
local s = look()
if not s or not s.ended then return 0 end
if ARGV[2] ~= '' and tonumber(ARGV[2]) == s.length then
  redis.call('DEL', key)
  local i = 3
  while i <= #ARGV do
    local fields = tonumber(ARGV[i + 1])
    redis.call('XADD', key, ARGV[i], unpack(ARGV, i + 2, i + 1 + fields))
    i = i + fields + 2
  end
  redis.call('XSETID', key, MAX)
end
keep(ARGV[1])
return 1
