--[[ Takes back from an account's live counters what was counted at acceptance and dropped when it was written. Applied
     once however often it is called: counters that were built or corrected at or past the batch's stream id hold it.

     KEYS[1] meta   KEYS[2] live counters
     ARGV[1] epoch and ARGV[2] stream id of the batch   ARGV[3] "1": build the counters anew at the next decision (max and
     last cannot be subtracted), else for each counter, two: <segment start ms>:<metric>, quantity
     returns 1 where it changed something                                                                               ]]
local function parts(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(sequence)
end

local at = redis.call('HGET', KEYS[2], 'at')
if not at or redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
local atMs, atSequence = parts(at)
local ms, sequence = parts(ARGV[2])
if ms < atMs or (ms == atMs and sequence <= atSequence) then return 0 end
if ARGV[3] == '1' then return redis.call('DEL', KEYS[2]) end
for i = 4, #ARGV, 2 do
  local value = redis.call('HGET', KEYS[2], ARGV[i])
  if value then
    redis.call('HSET', KEYS[2], ARGV[i], string.format('%.0f', math.max(0, tonumber(value) - tonumber(ARGV[i + 1]))))
  end
end
redis.call('HSET', KEYS[2], 'at', ARGV[2])
return 1
