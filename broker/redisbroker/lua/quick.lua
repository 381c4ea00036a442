-- The way of nearly all appends, first of all and with nothing defined before
-- it, since it is run for every token: the entry before first is the last one
-- and no end, and the XADD itself refuses an epoch that is fenced. What it
-- cannot do goes on in append.lua, which says what ARGV is.
do
  local key, first = KEYS[1], ARGV[2]
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  local kind = last and last[2][1]
  if last and (last[1] == ARGV[3] or first == '0' and string.sub(last[1], 1, 2) == '0-')
    and kind ~= 'end' and kind ~= 'cancelled' and kind ~= 'error' then
    local seq
    if first == '0' then
      seq = tonumber(string.sub(last[1], 3)) + 1
      first = string.format('%.0f', seq)
    else
      seq = tonumber(first)
    end
    local i, size, id = 6, #ARGV, ARGV[1] .. '-' .. first
    local ok = redis.pcall('XADD', key, id, unpack(ARGV, i + 1, i + ARGV[i]))
    if not ok.err then
      kind, i = ARGV[i + 1], i + ARGV[i] + 1
      while i < size do
        seq = seq + 1
        redis.call('XADD', key, ARGV[1] .. '-' .. string.format('%.0f', seq), unpack(ARGV, i + 1, i + ARGV[i]))
        kind, i = ARGV[i + 1], i + ARGV[i] + 1
      end
      if kind == 'end' or kind == 'cancelled' or kind == 'error' then
        redis.call('XSETID', key, '18446744073709551615-18446744073709551615')
      end
      local left = redis.call('PTTL', key)
      if left > 0 then -- as touch in look.lua
        local ttl = tonumber(redis.call('HGET', KEYS[2], 'ttl') or 0)
        if left < ttl then
          local more = ttl + math.ceil(ttl / 16)
          redis.call('PEXPIRE', key, string.format('%.0f', more))
          redis.call('PEXPIRE', KEYS[2], string.format('%.0f', more + 60000))
        end
      end
      ARGV[2] = first
      redis.call('SPUBLISH', key, cmsgpack.pack(ARGV))
      return { 'ok', seq }
    end
    if not string.find(ok.err, 'smaller than the target', 1, true) then return ok end
  end
end
