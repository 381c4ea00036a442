-- What all scripts share. They run on Redis 7.0 and Valkey, on keys of one
-- slot: KEYS[1] the stream of a log, KEYS[2] the hash beside it.
local key, meta = KEYS[1], KEYS[2]
local MAX = '18446744073709551615-18446744073709551615' -- as last id it refuses every XADD
local CLOCK = 100000000000 -- ids at or above are milliseconds: made by '*'
local ENDS = { ['end'] = true, cancelled = true, error = true }

local function int(n) return string.format('%.0f', n) end
local function halves(id)
  local a, b = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(a), tonumber(b)
end
local function field(entry, name)
  local f = entry[2]
  for i = 3, #f, 2 do
    if f[i] == name then return f[i + 1] end
  end
end

-- look describes a log as its stream tells it, or returns nil.
local function look()
  if redis.call('EXISTS', key) == 0 then return nil end
  local s, flat = {}, redis.call('XINFO', 'STREAM', key)
  for i = 1, #flat, 2 do s[flat[i]] = flat[i + 1] end
  s.id, s.added = s['last-generated-id'], s['entries-added']
  s.firstEntry, s.lastEntry = s['first-entry'], s['last-entry']
  s.sealed = s.id == MAX
  s.ended = s.lastEntry and ENDS[s.lastEntry[2][1]] or false
  local hi, lo = halves(s.id)
  if s.lastEntry and hi >= CLOCK then
    local ehi, elo = halves(s.lastEntry[1])
    if ehi < CLOCK then -- it has ended and is sealed
      s.epoch, s.top = ehi, elo
      return s
    end
    s.mixed = halves(s.firstEntry[1]) < CLOCK
  end
  if hi >= CLOCK then
    s.clock, s.top = true, s.added
    s.epoch = tonumber(redis.call('HGET', meta, 'epoch') or 0)
  else
    s.epoch, s.top = hi, lo
  end
  return s
end

-- touch puts off the end of a log's retention. It is kept a sixteenth longer
-- than asked, so that it need not be put off with every append.
local function touch()
  local ttl = tonumber(redis.call('HGET', meta, 'ttl') or 0)
  if ttl > 0 and redis.call('PTTL', key) < ttl then
    redis.call('PEXPIRE', key, int(ttl + math.ceil(ttl / 16)))
    redis.call('PEXPIRE', meta, int(ttl + math.ceil(ttl / 16) + 60000))
  end
end

-- keep sets the retention, in milliseconds; 0 is for ever.
local function keep(ttl)
  redis.call('PERSIST', key)
  if tonumber(ttl) > 0 then
    redis.call('HSET', meta, 'ttl', ttl)
    touch()
  else
    redis.call('HDEL', meta, 'ttl')
    redis.call('PERSIST', meta)
  end
end

-- void makes an empty stream.
local function void()
  redis.call('XGROUP', 'CREATE', key, 'karez', '$', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', key, 'karez')
end

-- tell passes ARGV on to those who watch; reset tells them to read again.
local function tell() redis.call('SPUBLISH', key, cmsgpack.pack(ARGV)) end
local function reset() redis.call('SPUBLISH', key, '') end
