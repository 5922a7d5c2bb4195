--[[ Reads accounts' limits, and what their live counters were built for.
     KEYS[1] meta   KEYS[2] limits   KEYS[3] marks   KEYS[4] live   ARGV account ids
     returns {epoch, "" where there are no live counters, {document or "", ..}, {mark or "", ..}}            ]]
local documents = redis.call('HMGET', KEYS[2], unpack(ARGV))
local marks = redis.call('HMGET', KEYS[3], unpack(ARGV))
for a = 1, #ARGV do
  documents[a], marks[a] = documents[a] or '', marks[a] or ''
end
local epoch = redis.call('HGET', KEYS[1], 'epoch')
return { redis.call('HGET', KEYS[4], 'epoch') == epoch and epoch or '', documents, marks }
