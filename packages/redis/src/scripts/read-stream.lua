--[[ Reads on in the stream, and counts the read in the same step, where all reads before are in Redis's memory.
     KEYS[1] meta   KEYS[2] reads   KEYS[3] stream   ARGV[1] epoch or ""   ARGV[2] reader   ARGV[3] its reads before
     ARGV[4] first id   ARGV[5] how many entries
     returns {how many reads these are now, the same where nothing waits, entries}; {-1} where Redis has lost some of
     them, or another epoch began                                                                                     ]]
if (redis.call('HGET', KEYS[1], 'epoch') or '') ~= ARGV[1] then return { -1 } end
if redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[3] then return { -1 } end
local entries = redis.call('XRANGE', KEYS[3], ARGV[4], '+', 'COUNT', ARGV[5])
if #entries == 0 then return { tonumber(ARGV[3]), entries } end
return { redis.call('HINCRBY', KEYS[2], ARGV[2], 1), entries }
