--[[ Cuts off what is committed, and remembers how far, so that no counter is built from older totals. Nothing is cut
     where Redis lost what was committed: what it has at these ids may be something else.
     KEYS[1] meta   KEYS[2] stream   KEYS[3] reads   ARGV[1] epoch, ARGV[2] newest id and ARGV[3] read that is committed
     returns how many entries went; 0 where it was cut further before; -1 where they were lost, or another epoch began ]]
local function parts(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(sequence)
end

local reader, number = string.match(ARGV[3], '^(.+):(%d+)$')
local count = reader and redis.call('HGET', KEYS[3], reader)
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] or not count or tonumber(count) < tonumber(number) then return -1 end
local ms, sequence = parts(ARGV[2])
local trimmed = redis.call('HGET', KEYS[1], 'trimmed')
if trimmed then
  local trimmedMs, trimmedSequence = parts(trimmed)
  if ms < trimmedMs or (ms == trimmedMs and sequence <= trimmedSequence) then return 0 end
end
redis.call('HSET', KEYS[1], 'trimmed', ARGV[2])
return redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f-%.0f', ms, sequence + 1))
