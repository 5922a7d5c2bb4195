--[[ Reads a partition's stream behind a position, and says which epoch that is. Where the stream ends before the
     position, Redis came back without its newest part: that begins another epoch, so that every counter is built anew.

     KEYS[1] meta   KEYS[2] stream
     ARGV[1] epoch and ARGV[2] id of the position   ARGV[3] bytes of records to stop after   ARGV[4] epoch to begin
     returns {epoch or "" where nothing was ever written, {{id, records}, ..}, 1 where there may be more}; of another epoch
     than ARGV[1] from its beginning                                                                                    ]]
local function parts(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(sequence)
end

local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then return { '', {}, 0 } end
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

local page, bytes, bytesMax, got = {}, 0, tonumber(ARGV[3]), 0
repeat
  local entries = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', 50)
  got = #entries
  for _, entry in ipairs(entries) do
    page[#page + 1] = { entry[1], entry[2][4] }
    bytes = bytes + #entry[2][4]
    from = '(' .. entry[1]
    if bytes >= bytesMax then break end
  end
until got < 50 or bytes >= bytesMax
return { epoch, page, bytes >= bytesMax and 1 or 0 }
