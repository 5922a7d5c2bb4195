--[[ Cuts off what is committed, and remembers how far, so that no counter is built from older totals.
     KEYS[1] meta   KEYS[2] stream   ARGV[1] epoch   ARGV[2] newest committed id
     returns how many entries went; 0 in another epoch, or where it was cut further before ]]
local function parts(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(sequence)
end

if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
local ms, sequence = parts(ARGV[2])
local trimmed = redis.call('HGET', KEYS[1], 'trimmed')
if trimmed then
  local trimmedMs, trimmedSequence = parts(trimmed)
  if ms < trimmedMs or (ms == trimmedMs and sequence <= trimmedSequence) then return 0 end
end
redis.call('HSET', KEYS[1], 'trimmed', ARGV[2])
return redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f-%.0f', ms, sequence + 1))
