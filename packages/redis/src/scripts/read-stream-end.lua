--[[ Where a partition's stream ends.
     KEYS[1] meta   KEYS[2] stream
     returns {epoch or "", id of the newest entry, or "0-0" where none waits} ]]
local epoch = redis.call('HGET', KEYS[1], 'epoch') or ''
if redis.call('XLEN', KEYS[2]) == 0 then return { epoch, '0-0' } end
local info = redis.call('XINFO', 'STREAM', KEYS[2])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then return { epoch, info[i + 1] } end
end
