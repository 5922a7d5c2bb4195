--[[ One step of a reservation of one account, whole or not at all: "hold" keeps room for quantities, "commit" counts
     events for what was held, "end" gives it back. A step that is repeated changes nothing. A reservation in Redis is
     "<1 decided, 0 not yet> <expires at ms> <segment's start ms>", then " <metric> <quantity>" for each item; what all of
     them hold of a counter is in `held`. Metrics are sums. Records of both are in Postgres: seed-counters.lua.

     KEYS[1] meta   KEYS[2] limits   KEYS[3] marks   KEYS[4] live   KEYS[5] held   KEYS[6] holds
     of a commit: KEYS[7] stream   KEYS[8] seen, present bucket   KEYS[9] seen, bucket before
     ARGV[1] step   ARGV[2] account id   ARGV[3] reservation   ARGV[4] business now   ARGV[5] instant of hold or events
     ARGV[6] hold: expires at ms; commit: seconds that seen ids are kept
     then for each item, two: metric, quantity; of a commit five: and the event's seen field, payload, row
     returns {"load"}  limits, counters or holds of the account must be loaded first; nothing was done
             {"done", epoch, stream id or "", segment's end ms}
             {"refused", {verdict, used, held by others, limit or -1, stop or -1, segment's end ms or 0, ..}}           ]]
local ACCEPTED, DUPLICATE, CONFLICT, QUOTA_EXCEEDED, TOO_LARGE, PERIOD_CLOSED, NOT_IN_PLAN, NO_PERIOD = 0, 1, 2, 3, 4, 5, 6, 7
local QUANTITY_MAX = 999999999999999
local step, account, now, at = ARGV[1], ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
local name = account .. ' ' .. ARGV[3]
local function whole(number) return string.format('%.0f', number) end

local epoch = redis.call('HGET', KEYS[1], 'epoch')
local document = redis.call('HGET', KEYS[2], account)
local limits = document and cjson.decode(document)
if not epoch or not limits or limits.validUntilMs <= now
  or redis.call('HGET', KEYS[3], account) ~= epoch .. ':' .. whole(limits.version)
  or redis.call('HGET', KEYS[4], 'epoch') ~= epoch then
  return { 'load' }
end
-- Holds that were lost behind the account's mark: without it all is built anew.
if redis.call('HGET', KEYS[6], '') ~= epoch or redis.call('HEXISTS', KEYS[6], account) == 0 then
  redis.call('HDEL', KEYS[3], account)
  return { 'load' }
end

local function counterOf(start, metric) return account .. ':' .. start .. ':' .. metric end

local entry = redis.call('HGET', KEYS[6], name)
local isDecided, heldSince, own = false, nil, {}
if entry then
  local words = {}
  for word in string.gmatch(entry, '%S+') do words[#words + 1] = word end
  isDecided, heldSince = words[1] == '1', words[3]
  for w = 4, #words, 2 do own[words[w]] = words[w + 1] end
end

local function giveBack()
  if not entry then return end
  for metric, quantity in pairs(own) do
    local field = counterOf(heldSince, metric)
    if quantity ~= '0' and redis.call('HINCRBY', KEYS[5], field, '-' .. quantity) <= 0 then
      redis.call('HDEL', KEYS[5], field)
    end
  end
  redis.call('HDEL', KEYS[6], name)
end

if step == 'end' then
  giveBack()
  return { 'done', epoch, '', 0 }
end

local segment
for _, each in ipairs(limits.segments) do
  if at >= each.startMs and at < each.endMs then segment = each end
end
local start = segment and whole(segment.startMs)
if step == 'hold' and isDecided then return { 'done', epoch, '', segment and segment.endMs or 0 } end

local function numberOr(value, none) return value ~= nil and value ~= cjson.null and value or none end

-- What was held is spoken for: it fits unless the limit itself has sunk. What was not must fit beside all that is.
local function judge(metric, quantity)
  if not segment then return at < limits.segments[1].startMs and PERIOD_CLOSED or NO_PERIOD, 0, 0, 0, 0 end
  local limit = segment.metrics[metric]
  if not limit then return NOT_IN_PLAN, 0, 0, 0, 0 end
  local quota = numberOr(limit.limit, -1)
  local stop = limit.policy == 'refuse' and quota or -1
  local hard = numberOr(limit.hardLimit, -1)
  if hard >= 0 and (stop < 0 or hard < stop) then stop = hard end
  local field = counterOf(start, metric)
  local used = tonumber(redis.call('HGET', KEYS[4], field) or 0)
  local mine = heldSince == start and tonumber(own[metric] or 0) or 0
  local others = tonumber(redis.call('HGET', KEYS[5], field) or 0) - mine
  local isCovered = isDecided and mine >= quantity
  local after = used + quantity + (isCovered and 0 or others)
  local verdict = ACCEPTED
  if segment.isClosed then verdict = PERIOD_CLOSED
  elseif after > QUANTITY_MAX then verdict = TOO_LARGE
  elseif stop >= 0 and after > stop then verdict = QUOTA_EXCEEDED end
  return verdict, used, others, quota, stop
end

local size = step == 'commit' and 5 or 2
local isRefused, standings, seen, rows, counted = false, {}, {}, {}, {}
for i = 7, #ARGV, size do
  local metric, quantity = ARGV[i], tonumber(ARGV[i + 1])
  local verdict, used, others, quota, stop = judge(metric, quantity)
  if step == 'commit' then
    local earlier = redis.call('HGET', KEYS[8], ARGV[i + 2]) or redis.call('HGET', KEYS[9], ARGV[i + 2])
    if earlier then verdict = earlier == ARGV[i + 3] and DUPLICATE or CONFLICT
    elseif verdict == ACCEPTED then
      seen[#seen + 1], seen[#seen + 2] = ARGV[i + 2], ARGV[i + 3]
      rows[#rows + 1] = ARGV[i + 4]
      counted[#counted + 1], counted[#counted + 2] = counterOf(start, metric), ARGV[i + 1]
    end
  end
  if verdict > DUPLICATE then isRefused = true end
  for _, number in ipairs({ verdict, used, others, quota, stop, segment and segment.endMs or 0 }) do
    standings[#standings + 1] = number
  end
end
if isRefused then
  -- One that is being tried holds nothing; one that is held stays so.
  if not isDecided then giveBack() end
  return { 'refused', standings }
end

giveBack()
if step == 'hold' then
  local words = { '1', ARGV[6], start }
  for i = 7, #ARGV, 2 do
    words[#words + 1], words[#words + 2] = ARGV[i], ARGV[i + 1]
    if ARGV[i + 1] ~= '0' then redis.call('HINCRBY', KEYS[5], counterOf(start, ARGV[i]), ARGV[i + 1]) end
  end
  redis.call('HSET', KEYS[6], name, table.concat(words, ' '))
  return { 'done', epoch, '', segment.endMs }
end
if #rows == 0 then return { 'done', epoch, '', 0 } end
redis.call('HSET', KEYS[8], unpack(seen))
redis.call('EXPIRE', KEYS[8], ARGV[6])
for i = 1, #counted, 2 do redis.call('HINCRBY', KEYS[4], counted[i], counted[i + 1]) end
local id = redis.call('XADD', KEYS[7], '*', 'v', '1', 'a', ' ' .. account .. ' ', 'd', table.concat(rows))
return { 'done', epoch, id, segment.endMs }
