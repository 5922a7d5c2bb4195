--[[ A bucket of tokens by Redis's clock: `burst` calls at once, then one for each gap; or nobody for a while.
     KEYS[1] string: the instant in µs at which the bucket is full again
     ARGV[1] gap in µs   ARGV[2] burst   ARGV[3] µs for which nobody may leave; 0 takes the next token
     returns µs until the call may leave                                                                    ]]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local gap, depth = tonumber(ARGV[1]), ARGV[1] * ARGV[2]
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
if tonumber(ARGV[3]) > 0 then full = math.max(full, now + depth + ARGV[3]) else full = full + gap end
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
return math.max(0, full - now - depth)
