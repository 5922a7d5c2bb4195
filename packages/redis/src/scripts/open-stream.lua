--[[ Begins a reader's reads of a partition's stream behind what is committed. Every read is counted in the step that
     reads, so that a memory which lacks the committed position's read lacks some of what is committed: Redis came back
     without its newest part. That begins another epoch, so that every counter is built anew and all entries are read.

     KEYS[1] meta   KEYS[2] reads   ARGV[1] epoch, ARGV[2] id and ARGV[3] read ("<reader>:<number>") of the position in
     Postgres   ARGV[4] reader to begin, "" for none   ARGV[5] epoch to begin
     returns the epoch, "" where nothing was ever written                                                          ]]
local epoch = redis.call('HGET', KEYS[1], 'epoch')
local position = ARGV[1] .. ' ' .. ARGV[2]
local committedBy, number = string.match(ARGV[3], '^(.+):(%d+)$')
local count = committedBy and redis.call('HGET', KEYS[2], committedBy)

local function hasCommitted()
  if ARGV[1] == '' then return true end
  -- Begun for this position: nothing was committed since.
  if epoch ~= ARGV[1] then return redis.call('HGET', KEYS[1], 'begunAt') == position end
  return count and tonumber(count) >= tonumber(number)
end

if not hasCommitted() then
  epoch = ARGV[5]
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'begunAt', position)
  redis.call('HDEL', KEYS[1], 'trimmed')
  redis.call('DEL', KEYS[2])
elseif ARGV[4] ~= '' and redis.call('HLEN', KEYS[2]) > 8 then
  redis.call('DEL', KEYS[2])
  if count then redis.call('HSET', KEYS[2], committedBy, count) end
end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[2], ARGV[4], 0) end
return epoch or ''
