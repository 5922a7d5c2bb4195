--[[ Builds an account's live counters anew: totals of Postgres plus the stream's tail behind what they hold, with the
     limits that belong to them, in one step. Begins an epoch where there is none.

     KEYS[1] meta   KEYS[2] stream   KEYS[3] limits   KEYS[4] live counters
     ARGV[1] account id   ARGV[2] epoch to begin   ARGV[3] epoch and ARGV[4] stream id that the totals reach to
     ARGV[5] limits document, then for each total, four: segment's start ms, metric, quantity, newest event's ms
     returns 1, or 0 where the totals are too old (newer limits are there, or the stream was cut past them): read again ]]
local function whole(number) return string.format('%.0f', number) end
local function parts(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(sequence)
end
local function isBefore(id, other)
  local ms, sequence = parts(id)
  local otherMs, otherSequence = parts(other)
  return ms < otherMs or (ms == otherMs and sequence < otherSequence)
end

local account, limits = ARGV[1], cjson.decode(ARGV[5])
local known = redis.call('GET', KEYS[3])
if known and cjson.decode(known).version > limits.version then return 0 end

local epoch = redis.call('HGET', KEYS[1], 'epoch')
-- Totals of another epoch hold nothing of this stream.
local position = epoch == ARGV[3] and ARGV[4] or '0-0'
local trimmed = redis.call('HGET', KEYS[1], 'trimmed')
if trimmed and isBefore(position, trimmed) then return 0 end

local values, instants = {}, {}
for i = 6, #ARGV, 4 do
  local field = whole(tonumber(ARGV[i])) .. ':' .. ARGV[i + 1]
  values[field] = tonumber(ARGV[i + 2])
  instants[field] = tonumber(ARGV[i + 3])
end

local function count(metric, quantity, at)
  for s = #limits.segments, 1, -1 do
    local segment = limits.segments[s]
    if at >= segment.startMs and at < segment.endMs then
      local limit = segment.metrics[metric]
      if not limit then return end
      local field = whole(segment.startMs) .. ':' .. metric
      local value, newest = values[field] or 0, instants[field] or 0
      if limit.aggregation == 'sum' then value = value + quantity
      elseif limit.aggregation == 'count' then value = value + 1
      elseif limit.aggregation == 'max' then value = math.max(value, quantity)
      elseif at >= newest then value = quantity end
      values[field] = value
      instants[field] = math.max(newest, at)
      return
    end
  end
end

local mention = ' ' .. account .. ' '
local from = '(' .. position
repeat
  local entries = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', 100)
  for _, entry in ipairs(entries) do
    from = '(' .. entry[1]
    if string.find(entry[2][2], mention, 1, true) then
      for _, record in ipairs(cjson.decode(entry[2][4])) do
        if record[1] == account then count(record[3], record[4], record[5]) end
      end
    end
  end
until #entries < 100

if not epoch then
  epoch = ARGV[2]
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
redis.call('SET', KEYS[3], ARGV[5])
redis.call('DEL', KEYS[4])
redis.call('HSET', KEYS[4], 'mark', epoch .. ':' .. whole(limits.version), 'at', position)
for field, value in pairs(values) do
  redis.call('HSET', KEYS[4], field, whole(value), field .. ':at', whole(instants[field]))
end
return 1
