--[[ Counts a read of the stream, in one transaction with it, where all reads before are in Redis's memory.
     KEYS[1] meta   KEYS[2] reads   KEYS[3] stream   ARGV[1] epoch or ""   ARGV[2] reader   ARGV[3] its reads before
     returns how many these are now, the same where nothing waits; -1 where Redis has lost some, or another epoch began ]]
if (redis.call('HGET', KEYS[1], 'epoch') or '') ~= ARGV[1] then return -1 end
if redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[3] then return -1 end
if redis.call('XLEN', KEYS[3]) == 0 then return tonumber(ARGV[3]) end
return redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
