--[[ The oldest entry of a partition's stream.
     KEYS[1] stream
     returns its id, or "" where there is none; not the entry itself, which may be large ]]
local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
return entries[1] and entries[1][1] or ''
