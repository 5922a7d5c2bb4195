--[[ Where a partition's stream is to be read on behind a position. Where the stream ends before it, Redis came back
     without its newest part: that begins another epoch, so that every counter is built anew.

     KEYS[1] meta   KEYS[2] stream   ARGV[1] epoch and ARGV[2] id of the position   ARGV[3] epoch to begin
     returns {epoch or "" where nothing was ever written, first id to read}: the beginning in another epoch than ARGV[1] ]]
local function parts(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(sequence)
end

local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then return { '', '-' } end
if epoch ~= ARGV[1] then return { epoch, '-' } end

local newest = '0-0'
if redis.call('EXISTS', KEYS[2]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[2])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then newest = info[i + 1] end
  end
end
local newestMs, newestSequence = parts(newest)
local ms, sequence = parts(ARGV[2])
if newestMs > ms or (newestMs == ms and newestSequence >= sequence) then return { epoch, '(' .. ARGV[2] } end
redis.call('HSET', KEYS[1], 'epoch', ARGV[3])
redis.call('HDEL', KEYS[1], 'trimmed')
return { ARGV[3], '-' }
