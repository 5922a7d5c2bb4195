--[[ Puts an account's limits beside its counters; an older version never replaces a newer one.
     KEYS[1] limits   ARGV[1] version   ARGV[2] the document
     returns 1, or 0 where a newer one is there                                              ]]
local known = redis.call('GET', KEYS[1])
if known and cjson.decode(known).version > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
