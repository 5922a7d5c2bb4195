--[[ Accepts usage events of one partition, or refuses them, in one step: all is checked before the first write.
     Order: limits fresh, ids seen, limits, counts, stream. Numbers are doubles: totals stay below 2^53 by QUANTITY_MAX.

     KEYS[1] meta   KEYS[2] stream   KEYS[3] seen, present bucket   KEYS[4] seen, bucket before
     KEYS[3+2a], KEYS[4+2a]  limits and live counters of account a, from 1
     ARGV[1] mode: "each" (what fits), "all" (all or none), "check" (writes nothing, looks at no ids)
     ARGV[2] business now, unix ms   ARGV[3] seconds that seen ids are kept   ARGV[4] number of accounts, then their ids,
     then for each event, seven: account (from 1), metric, quantity, occurred at ms, id hash, payload hash, record
     returns {"load", {account, ..}}  limits or counters of these must be loaded first; nothing was done
             {"done", {code, ..}, {event, used, limit or -1, segment's end ms or 0, ..}}  the last for refused events, and
             for all in the modes "all" and "check"; used is what is counted when the call returns                   ]]
local ACCEPTED, DUPLICATE, CONFLICT, QUOTA_EXCEEDED, TOO_LARGE, PERIOD_CLOSED, NOT_IN_PLAN, NO_PERIOD = 0, 1, 2, 3, 4, 5, 6, 7
local QUANTITY_MAX = 999999999999999
local EVENT_SIZE = 7
local mode, now, accountCount = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local eventsAt = 4 + accountCount
local eventCount = (#ARGV - eventsAt) / EVENT_SIZE

local function whole(number) return string.format('%.0f', number) end

local epoch = redis.call('HGET', KEYS[1], 'epoch')
local accounts, toLoad = {}, {}
for a = 1, accountCount do
  local document = redis.call('GET', KEYS[3 + 2 * a])
  local limits = document and cjson.decode(document)
  local live = KEYS[4 + 2 * a]
  if epoch and limits and limits.validUntilMs > now
    and redis.call('HGET', live, 'mark') == epoch .. ':' .. whole(limits.version) then
    accounts[a] = { segments = limits.segments, live = live, counters = {} }
  else
    toLoad[#toLoad + 1] = a
  end
end
if #toLoad > 0 then return { 'load', toLoad } end

local seenNow, seenBefore, seenHere = {}, {}, {}
if mode ~= 'check' then
  local ids = {}
  for i = 1, eventCount do ids[i] = ARGV[eventsAt + (i - 1) * EVENT_SIZE + 5] end
  seenNow = redis.call('HMGET', KEYS[3], unpack(ids))
  seenBefore = redis.call('HMGET', KEYS[4], unpack(ids))
end

local touched = {}

-- The counter of a metric in the segment that holds an instant, or nil and why there is none.
local function counterOf(account, metric, at)
  local segments = account.segments
  for s = #segments, 1, -1 do
    local segment = segments[s]
    if at >= segment.startMs and at < segment.endMs then
      local limit = segment.metrics[metric]
      if not limit then return nil, NOT_IN_PLAN, segment.endMs end
      local field = whole(segment.startMs) .. ':' .. metric
      local counter = account.counters[field]
      if not counter then
        local stored = redis.call('HMGET', account.live, field, field .. ':at')
        local value = tonumber(stored[1] or '0')
        counter = { field = field, live = account.live, base = value, used = value, at = tonumber(stored[2] or '0'),
          limit = limit.limit ~= cjson.null and limit.limit or nil, policy = limit.policy,
          aggregation = limit.aggregation, isClosed = segment.isClosed, endMs = segment.endMs }
        account.counters[field] = counter
        touched[#touched + 1] = counter
      end
      return counter
    end
  end
  if at < segments[1].startMs then return nil, PERIOD_CLOSED, 0 end
  return nil, NO_PERIOD, 0
end

local function usedAfter(counter, quantity, at)
  if counter.aggregation == 'sum' then return counter.used + quantity end
  if counter.aggregation == 'count' then return counter.used + 1 end
  if counter.aggregation == 'max' then return math.max(counter.used, quantity) end
  return at >= counter.at and quantity or counter.used
end

local function decide(counter, quantity, at)
  if counter.isClosed then return PERIOD_CLOSED end
  local after = usedAfter(counter, quantity, at)
  if after > QUANTITY_MAX then return TOO_LARGE end
  if counter.policy == 'refuse' and after > counter.limit then return QUOTA_EXCEEDED end
  counter.used = after
  if at > counter.at then counter.at = at end
  return ACCEPTED
end

local codes, found, ends, records, isTold, isRefused = {}, {}, {}, {}, {}, false
local seenToWrite, names, isNamed = {}, {}, {}
for i = 1, eventCount do
  local arg = eventsAt + (i - 1) * EVENT_SIZE
  local a = tonumber(ARGV[arg + 1])
  local id, payload = ARGV[arg + 5], ARGV[arg + 6]
  local earlier = mode ~= 'check' and (seenHere[id] or seenNow[i] or seenBefore[i])
  local code
  if not earlier or mode ~= 'each' then
    found[i], code, ends[i] = counterOf(accounts[a], ARGV[arg + 2], tonumber(ARGV[arg + 4]))
  end
  if earlier then
    code = earlier == payload and DUPLICATE or CONFLICT
  elseif found[i] then
    code = decide(found[i], tonumber(ARGV[arg + 3]), tonumber(ARGV[arg + 4]))
  end
  codes[i] = code
  if code == ACCEPTED and mode ~= 'check' then
    seenHere[id] = payload
    seenToWrite[#seenToWrite + 1] = id
    seenToWrite[#seenToWrite + 1] = payload
    records[#records + 1] = ARGV[arg + 7]
    if not isNamed[a] then
      isNamed[a] = true
      names[#names + 1] = ARGV[4 + a]
    end
  elseif code > DUPLICATE then
    isRefused = true
  end
  isTold[i] = mode ~= 'each' or code > CONFLICT
end

local doesWrite = #records > 0 and not (mode == 'all' and isRefused)
if doesWrite then
  redis.call('HSET', KEYS[3], unpack(seenToWrite))
  redis.call('EXPIRE', KEYS[3], ARGV[3])
  for _, counter in ipairs(touched) do
    redis.call('HSET', counter.live, counter.field, whole(counter.used))
    if counter.aggregation == 'last' then
      redis.call('HSET', counter.live, counter.field .. ':at', whole(counter.at))
    end
  end
  redis.call('XADD', KEYS[2], '*', 'a', ' ' .. table.concat(names, ' ') .. ' ', 'd', '[' .. table.concat(records, ',') .. ']')
end

local details = {}
for i = 1, eventCount do
  if isTold[i] then
    local counter = found[i]
    details[#details + 1] = i
    details[#details + 1] = counter and (doesWrite and counter.used or counter.base) or 0
    details[#details + 1] = counter and (counter.limit or -1) or 0
    details[#details + 1] = counter and counter.endMs or ends[i]
  end
end
return { 'done', codes, details }
