-- ARGV: epoch, first ('0': at the end), id of the entry before first, 'new' if
-- a log may be made, an unused one, then for each event the number of its
-- fields and the fields. Returns a word and a number.
local epoch, first = ARGV[1], tonumber(ARGV[2])

local function kinds() -- number of events, kind of the last
  local i, n, kind = 6, 0, ''
  while i <= #ARGV do
    n, kind = n + 1, ARGV[i + 1]
    i = i + tonumber(ARGV[i]) + 1
  end
  return n, kind
end

-- there reports whether this epoch wrote the events from first to last before.
local function there(s, last)
  if first == 0 or last > s.top then return false end
  if s.clock then
    local r = redis.call('XREVRANGE', key, '+', '-', 'COUNT', int(s.top - first + 1))
    local e = r[#r]
    return e and #r == s.top - first + 1 and (field(e, 'epoch') or '0') == epoch
  end
  local function wrote(at)
    local e = redis.call('XRANGE', key, epoch .. '-' .. int(at), epoch, 'COUNT', 1)[1]
    if not e then return false end
    local _, seq = halves(e[1])
    return seq == at or tonumber(field(e, 'first') or seq) <= at
  end
  return wrote(first) and wrote(last)
end

-- weigh decides what an append that does not simply follow is: it returns a
-- refusal, or nothing and what is known of the log.
local function weigh()
  local s = look()
  if not s then
    if ARGV[4] ~= 'new' then return { 'none', 0 } end
    if first > 1 then return { 'gap', 0 } end
    return nil, { top = 0, epoch = 0, new = true }
  end
  local n = kinds()
  if there(s, first + n - 1) then return { 'ok', first + n - 1 } end
  local e = tonumber(epoch)
  if e < s.epoch then return { 'fenced', s.epoch } end
  if s.ended then return { 'ended', 0 } end
  if s.mixed then return { 'mixed', s.top } end
  if e > s.epoch then return { 'fenced', s.epoch } end
  if first ~= 0 and first ~= s.top + 1 then return { 'gap', s.top } end
  return nil, s
end

-- put adds the events, at places of ours or, clock, at ids that Redis makes.
local function put(clock, new)
  local i, seq, kind = 6, first, ''
  while i <= #ARGV do
    local fields = tonumber(ARGV[i])
    kind = ARGV[i + 1]
    local id = clock and '*' or epoch .. '-' .. int(seq)
    local args = { unpack(ARGV, i + 1, i + fields) }
    if clock and epoch ~= '0' then
      args[#args + 1], args[#args + 2] = 'epoch', epoch
    end
    redis.call('XADD', key, id, unpack(args))
    i, seq = i + fields + 1, seq + 1
  end
  if new then redis.call('DEL', meta) end -- of a log that another program deleted
  if ENDS[kind] or clock and epoch ~= '0' then redis.call('XSETID', key, MAX) end
  touch()
  ARGV[2] = int(first)
  tell()
  return { 'ok', seq - 1 }
end

local no, s = weigh()
if no then return no end
first = s.top + 1
if s.sealed then -- and not ended: an epoch has begun on a log with ids of the clock
  local at = s.lastEntry and s.lastEntry[1] or '0-0'
  redis.call('XSETID', key, at)
end
return put(s.clock, s.new)
