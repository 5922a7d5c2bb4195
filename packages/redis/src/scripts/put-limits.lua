--[[ Puts an account's limits beside its counters; an older version never replaces a newer one. The counters stay good
     where every new segment is one of the old ones, by start and end, or begins after all of them; else they are built
     anew at the next decision.

     KEYS[1] meta   KEYS[2] limits   KEYS[3] marks   KEYS[4] built   KEYS[5] live
     ARGV[1] account id   ARGV[2] version   ARGV[3] the document
     returns 0 where a newer version is there, 1 where the counters are to be built, 2 where they hold          ]]
local account, version = ARGV[1], tonumber(ARGV[2])
local document = redis.call('HGET', KEYS[2], account)
local known = document and cjson.decode(document)
if known and known.version > version then return 0 end

local function fields(limits)
  local found = {}
  for _, segment in ipairs(limits.segments) do
    for metric in pairs(segment.metrics) do
      found[account .. ':' .. string.format('%.0f', segment.startMs) .. ':' .. metric] = true
    end
  end
  return found
end

local function keepsCounters(new)
  local ends, lastEnd = {}, 0
  for _, segment in ipairs(known.segments) do
    ends[segment.startMs] = segment.endMs
    lastEnd = math.max(lastEnd, segment.endMs)
  end
  for _, segment in ipairs(new.segments) do
    if ends[segment.startMs] ~= segment.endMs and segment.startMs < lastEnd then return false end
  end
  return true
end

local epoch = redis.call('HGET', KEYS[1], 'epoch')
local mark = redis.call('HGET', KEYS[3], account)
local new = cjson.decode(ARGV[3])
local isBuilt = known and epoch and redis.call('HGET', KEYS[5], 'epoch') == epoch
  and mark == epoch .. ':' .. string.format('%.0f', known.version)
redis.call('HSET', KEYS[2], account, ARGV[3])
if not isBuilt or not keepsCounters(new) then
  redis.call('HDEL', KEYS[3], account)
  redis.call('HDEL', KEYS[4], account)
  if known then
    for field in pairs(fields(known)) do redis.call('HDEL', KEYS[5], field, field .. ':at') end
  end
  return 1
end
local kept = fields(new)
for field in pairs(fields(known)) do
  if not kept[field] then redis.call('HDEL', KEYS[5], field, field .. ':at') end
end
redis.call('HSET', KEYS[3], account, epoch .. ':' .. string.format('%.0f', version))
return 2
