--[[ Reads a partition's stream behind a position, and says which epoch that is. Where the stream ends before the
     position, Redis came back without its newest part: that begins another epoch, so that every counter is built anew.

     KEYS[1] meta   KEYS[2] stream
     ARGV[1] epoch and ARGV[2] id of the position   ARGV[3] entries at most   ARGV[4] epoch to begin
     returns {epoch or "" where nothing was ever written, {entry, ..}}; of another epoch than ARGV[1] from its beginning ]]
local function parts(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(sequence)
end

local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then return { '', {} } end
local from = '-'
if epoch == ARGV[1] then
  local newest = '0-0'
  if redis.call('EXISTS', KEYS[2]) == 1 then
    local info = redis.call('XINFO', 'STREAM', KEYS[2])
    for i = 1, #info, 2 do
      if info[i] == 'last-generated-id' then newest = info[i + 1] end
    end
  end
  local newestMs, newestSequence = parts(newest)
  local ms, sequence = parts(ARGV[2])
  if newestMs < ms or (newestMs == ms and newestSequence < sequence) then
    epoch = ARGV[4]
    redis.call('HSET', KEYS[1], 'epoch', epoch)
    redis.call('HDEL', KEYS[1], 'trimmed')
  else
    from = '(' .. ARGV[2]
  end
end
return { epoch, redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', ARGV[3]) }
