-- ARGV: after, most events, most bytes, and for a log with ids of the clock a
-- place and its id from which to count on. Changes nothing. Returns a
-- description of the log, then entries from place after itself on (its kind
-- says whether it was the end), or from the one whose span holds after.
local after, most, bytes = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local s = look()
if not s then return {} end
local from, place = '-', 0

if s.clock and not s.mixed then
  place = s.added - s.length + 1
  if tonumber(ARGV[4]) > place and redis.call('XRANGE', key, ARGV[5], ARGV[5])[1] then
    from, place = ARGV[5], tonumber(ARGV[4])
  end
  while place < after do -- count on, the nearest known place is before
    local r = redis.call('XRANGE', key, from, '+', 'COUNT', int(math.min(after - place + 1, 500)))
    if #r < 2 then break end
    from, place = r[#r][1], place + #r - 1
  end
elseif s.lastEntry then
  local e = halves(s.lastEntry[1])
  while true do -- find the epoch in which after is
    local first = redis.call('XRANGE', key, int(e) .. '-0', '+', 'COUNT', 1)[1]
    local _, seq = halves(first[1])
    if e < CLOCK and seq <= after then
      from = int(e) .. '-' .. int(after)
      break
    end
    if e == 0 then break end
    local before = redis.call('XREVRANGE', key, '(' .. int(e) .. '-0', '-', 'COUNT', 1)[1]
    if not before then break end
    e = halves(before[1])
  end
end

local out, size, chunk = {}, 0, 32
while #out <= most and size < bytes do
  local r = redis.call('XRANGE', key, from, '+', 'COUNT', int(math.min(chunk, most + 1 - #out)))
  for _, e in ipairs(r) do
    size = size + 64 + #e[2][2]
    out[#out + 1] = e
    if size >= bytes then break end
  end
  if #r < chunk then break end
  from, chunk = '(' .. r[#r][1], 256
end
local flag = (s.ended and 'e' or '') .. (s.sealed and 's' or '') .. (s.clock and 'c' or '') .. (s.mixed and 'm' or '')
return { flag, s.epoch, s.top, place, s.firstEntry and s.firstEntry[1] or '', s.id, out }
