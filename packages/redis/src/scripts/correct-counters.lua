--[[ Takes back from an account's live counters what was counted at acceptance and dropped when it was written. Applied
     once however often it is called: counters that were built or corrected at or past the batch's stream id hold it.

     KEYS[1] meta   KEYS[2] marks   KEYS[3] built   KEYS[4] live
     ARGV[1] account   ARGV[2] epoch and ARGV[3] stream id of the batch   ARGV[4] "1": build the counters anew at the next
     decision (max, last and unique cannot be subtracted), else for each counter, two: field, quantity
     returns 1 where it changed something                                                                               ]]
local function parts(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(sequence)
end

local account, epoch = ARGV[1], ARGV[2]
local mark = redis.call('HGET', KEYS[2], account)
local built = redis.call('HGET', KEYS[3], account)
if not mark or not built or redis.call('HGET', KEYS[1], 'epoch') ~= epoch then return 0 end
if string.sub(mark, 1, #epoch + 1) ~= epoch .. ':' then return 0 end
local builtMs, builtSequence = parts(built)
local ms, sequence = parts(ARGV[3])
if ms < builtMs or (ms == builtMs and sequence <= builtSequence) then return 0 end
if ARGV[4] == '1' then
  redis.call('HDEL', KEYS[3], account)
  return redis.call('HDEL', KEYS[2], account)
end
for i = 5, #ARGV, 2 do
  local value = redis.call('HGET', KEYS[4], ARGV[i])
  if value then
    redis.call('HSET', KEYS[4], ARGV[i], string.format('%.0f', math.max(0, tonumber(value) - tonumber(ARGV[i + 1]))))
  end
end
redis.call('HSET', KEYS[3], account, ARGV[3])
return 1
