--[[ Accepts usage events of one partition, or refuses them, in one step: all is checked before the first write.
     Order: marks, ids seen, limits, counts, stream. The caller resolved each event's counter with the limits that the
     marks name. Numbers are doubles: totals stay below 2^53 by QUANTITY_MAX; packed ones are MessagePack arrays.

     KEYS[1] meta   KEYS[2] stream   KEYS[3] seen, present bucket   KEYS[4] seen, bucket before   KEYS[5] marks
     KEYS[6] live   KEYS[7] held   KEYS[8..] sets of values seen, by number, for `unique`
     ARGV[1] mode: "each" (what fits), "all" (all or none), "check" (writes nothing, looks at no ids)
     ARGV[2] seconds that seen ids are kept   ARGV[3] epoch   ARGV[4] the accounts' marks, joined with " "
     ARGV[5] packed: counts of accounts, counters and payloads, 1 where all has a counter, 1 where any can refuse, then
       for each counter, four: stop or -1 or CLOSED; aggregation; what the events add up to, -1 for go one by one; its set
     ARGV[6] packed: each event's payload, from 1
     ARGV[7] packed: for each event, four: counter from 1 or -verdict; quantity; instant (for `last`) or value's number
       (for `unique`); bytes of its row
     ARGV[8] the rows   then account ids, counters' fields, ids, payloads, values; no ids and payloads in a check
     returns {0, epoch, {mark, ..}}  nothing was done: these are the marks; epoch "": no counters of this one
             {1, stream id or "", {place, verdict, ..}}  all is accepted but these, which are repeats
             {2, stream id or "", verdicts as digits, {used, ..}, {held, ..} or {}}  by counter, as it is now           ]]
local ACCEPTED, DUPLICATE, CONFLICT, QUOTA_EXCEEDED, TOO_LARGE, PERIOD_CLOSED = 0, 1, 2, 3, 4, 5
local SUM, COUNT, MAX, LAST = 1, 2, 3, 4
local CLOSED, QUANTITY_MAX = -2, 999999999999999
local ARGV = ARGV -- a local is found without a look-up, and each event asks for three of them
local mode, epoch = ARGV[1], ARGV[3]
local sizes, payloadOf = cmsgpack.unpack(ARGV[5]), cmsgpack.unpack(ARGV[6])
local eventCount, counterCount = #payloadOf, sizes[2]
local fieldsAt = 9 + sizes[1]
local idsAt = fieldsAt + counterCount
local payloadsAt = idsAt + eventCount
local valuesAt = payloadsAt + sizes[3]
if mode == 'check' then valuesAt = idsAt end

local function areExpected(marks)
  if redis.call('HGET', KEYS[1], 'epoch') ~= epoch or redis.call('HGET', KEYS[6], 'epoch') ~= epoch then return false end
  for a = 1, #marks do if not marks[a] then return false end end
  return table.concat(marks, ' ') == ARGV[4]
end
local marks = redis.call('HMGET', KEYS[5], unpack(ARGV, 9, fieldsAt - 1))
if not areExpected(marks) then
  for a = 1, #marks do marks[a] = marks[a] or '' end
  local present, built = redis.call('HGET', KEYS[1], 'epoch'), redis.call('HGET', KEYS[6], 'epoch')
  return { 0, present == built and built or '', marks }
end

local seenNow, seenBefore = {}, {}
if mode ~= 'check' then
  seenNow = redis.call('HMGET', KEYS[3], unpack(ARGV, idsAt, payloadsAt - 1))
  if redis.call('EXISTS', KEYS[4]) == 1 then
    seenBefore = redis.call('HMGET', KEYS[4], unpack(ARGV, idsAt, payloadsAt - 1))
  end
end
local stored, held = {}, {}
if counterCount > 0 then
  stored = redis.call('HMGET', KEYS[6], unpack(ARGV, fieldsAt, idsAt - 1))
  if sizes[5] == 1 and redis.call('EXISTS', KEYS[7]) == 1 then
    held = redis.call('HMGET', KEYS[7], unpack(ARGV, fieldsAt, idsAt - 1))
  end
end
local base, used = {}, {}
for c = 1, counterCount do
  local value = tonumber(stored[c] or 0)
  base[c], used[c], held[c] = value, value, tonumber(held[c] or 0)
end

local function verdictOn(c, after)
  local stop = sizes[4 * c + 2]
  if stop == CLOSED then return PERIOD_CLOSED end
  if after > QUANTITY_MAX then return TOO_LARGE end
  if stop >= 0 and after + held[c] > stop then return QUOTA_EXCEEDED end
  return ACCEPTED
end

local function append(seen, counters, rows)
  redis.call('HSET', KEYS[3], unpack(seen))
  redis.call('EXPIRE', KEYS[3], ARGV[2])
  redis.call('HSET', KEYS[6], unpack(counters))
  local accounts = ' ' .. table.concat(ARGV, ' ', 9, fieldsAt - 1) .. ' '
  return redis.call('XADD', KEYS[2], '*', 'v', '1', 'a', accounts, 'd', rows)
end

-- The rows of the events that are no repeats.
local function cutRows(events, repeats)
  local runs, from, at, r = {}, 1, 1, 1
  for i = 1, eventCount do
    local bytes = events[4 * i]
    if repeats[r] == i then
      runs[#runs + 1] = string.sub(ARGV[8], from, at - 1)
      from, r = at + bytes, r + 2
    end
    at = at + bytes
  end
  runs[#runs + 1] = string.sub(ARGV[8], from)
  return table.concat(runs)
end

-- At once, where every counter takes what its events add up to, less the repeats: quantities are not negative, so that
-- what fits as a whole fits in any order. Repeats come as place and verdict.
local function acceptWhole()
  local seen, isHere, repeats, counters, less = {}, {}, {}, {}, {}
  local s = 0
  for i = 1, eventCount do
    local id, payload = ARGV[idsAt + i - 1], ARGV[payloadsAt + payloadOf[i] - 1]
    local earlier = seenNow[i] or seenBefore[i] or isHere[id]
    if earlier then
      repeats[#repeats + 1] = i
      repeats[#repeats + 1] = earlier == payload and DUPLICATE or CONFLICT
    else
      isHere[id] = payload
      seen[s + 1], seen[s + 2] = id, payload
      s = s + 2
    end
  end
  local events = #repeats > 0 and cmsgpack.unpack(ARGV[7])
  for r = 1, #repeats, 2 do
    local i = repeats[r]
    local c = events[4 * i - 3]
    local aggregation = sizes[4 * c + 3]
    if aggregation == MAX then return nil end
    less[c] = (less[c] or 0) + (aggregation == SUM and events[4 * i - 2] or 1)
  end
  for c = 1, counterCount do
    local aggregation, total = sizes[4 * c + 3], sizes[4 * c + 4]
    local after = aggregation == MAX and math.max(base[c], total) or base[c] + total - (less[c] or 0)
    if total < 0 or verdictOn(c, after) ~= ACCEPTED then return nil end
    counters[2 * c - 1], counters[2 * c] = ARGV[fieldsAt + c - 1], after
  end
  if #seen == 0 then return '', repeats end
  return append(seen, counters, events and cutRows(events, repeats) or ARGV[8]), repeats
end
if mode == 'each' and sizes[4] == 1 then
  local streamId, repeats = acceptWhole()
  if streamId then return { 1, streamId, repeats } end
end

local events = cmsgpack.unpack(ARGV[7])
local instants, newValues, isTouched = {}, {}, {}

local function usedAfter(c, quantity, at)
  local aggregation = sizes[4 * c + 3]
  if aggregation == SUM then return used[c] + quantity end
  if aggregation == COUNT then return used[c] + 1 end
  if aggregation == MAX then return math.max(used[c], quantity) end
  if aggregation == LAST then
    instants[c] = instants[c] or tonumber(redis.call('HGET', KEYS[6], ARGV[fieldsAt + c - 1] .. ':at') or 0)
    return at >= instants[c] and quantity or used[c]
  end
  local value = ARGV[valuesAt + at - 1]
  newValues[c] = newValues[c] or {}
  if newValues[c][value] then return used[c] end
  return used[c] + 1 - redis.call('SISMEMBER', KEYS[sizes[4 * c + 5]], value)
end

local function decide(c, quantity, at)
  local after = usedAfter(c, quantity, at)
  local verdict = verdictOn(c, after)
  if verdict ~= ACCEPTED then return verdict end
  if instants[c] then instants[c] = math.max(instants[c], at)
  elseif newValues[c] and after > used[c] then newValues[c][ARGV[valuesAt + at - 1]] = true end
  used[c], isTouched[c] = after, true
  return ACCEPTED
end

local codes, seen, seenHere, rows, rowAt, isRefused = {}, {}, {}, {}, 1, false
for i = 1, eventCount do
  local ref, bytes = events[4 * i - 3], events[4 * i]
  local id = ARGV[idsAt + i - 1]
  local payload = ARGV[payloadsAt + payloadOf[i] - 1]
  local earlier = mode ~= 'check' and (seenHere[id] or seenNow[i] or seenBefore[i])
  local code
  if earlier then code = earlier == payload and DUPLICATE or CONFLICT
  elseif ref < 0 then code = -ref
  else code = decide(ref, events[4 * i - 2], events[4 * i - 1]) end
  if code == ACCEPTED and mode ~= 'check' then
    seenHere[id] = payload
    seen[#seen + 1] = id
    seen[#seen + 1] = payload
    rows[#rows + 1] = string.sub(ARGV[8], rowAt, rowAt + bytes - 1)
  elseif code > DUPLICATE then
    isRefused = true
  end
  rowAt = rowAt + bytes
  codes[i] = 48 + code
end

local streamId = ''
if #rows > 0 and not (mode == 'all' and isRefused) then
  local counters = {}
  for c = 1, counterCount do
    local field = ARGV[fieldsAt + c - 1]
    if isTouched[c] then
      counters[#counters + 1] = field
      counters[#counters + 1] = used[c]
      if instants[c] then
        counters[#counters + 1] = field .. ':at'
        counters[#counters + 1] = instants[c]
      end
      for value in pairs(newValues[c] or {}) do redis.call('SADD', KEYS[sizes[4 * c + 5]], value) end
    end
  end
  streamId = append(seen, counters, table.concat(rows))
else
  used = base
end
return { 2, streamId, string.char(unpack(codes)), used, held }
