local n = redis.call('DEL', key, meta)
reset()
return n
