--[=[ Builds live counters of accounts anew: totals of Postgres plus the stream's tail behind what they hold, with the
     limits that belong to them, in one step. Begins an epoch where there is none. A long tail is counted in several
     calls: each but the last gives back totals that reach further, and builds nothing.

     KEYS[1] meta   KEYS[2] stream   KEYS[3] limits   KEYS[4] marks   KEYS[5] built   KEYS[6] live
     KEYS[7] held   KEYS[8] holds   KEYS[9..] two for each `unique` total: the set that it is collected in, and the
     counter's
     ARGV[1] epoch to begin   ARGV[2] epoch and ARGV[3] stream id that Postgres' totals reach to
     ARGV[4] epoch and ARGV[5] stream id that these totals reach to, "" as Postgres'   ARGV[6] bytes of rows to count
     ARGV[7] JSON, its numbers as text: { accounts: [[id, document, [[reservation, "1" where it is decided, else "0",
       expires at ms, [metric, quantity, ..]], ..]], ..], totals: [[account from 1, segment's start ms, metric, quantity,
       newest event's ms, number of its sets from 1 or 0], ..] }
     returns {0} where the totals are too old (the stream was cut past them): read them again
             {1, epoch, stream id, totals as above}  go on from there
             {2, {account id, ..}}  done, except for these: there are newer limits by now                          ]=]
local ROW, EPOCH_MS = '>I2I4c0I4c0I4c0I4i8I4i8I4i8i4', 946684800000
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

local epoch = redis.call('HGET', KEYS[1], 'epoch')
-- Totals of another epoch hold nothing of this stream.
local position = epoch == ARGV[2] and ARGV[3] or '0-0'
local trimmed = redis.call('HGET', KEYS[1], 'trimmed')
if trimmed and isBefore(position, trimmed) then return { 0 } end
if ARGV[4] ~= '' and ARGV[4] ~= epoch then return { 0 } end
if not epoch then
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
-- Counters of another life, or lost behind their marks: none of them is good.
if redis.call('HGET', KEYS[6], 'epoch') ~= epoch then
  redis.call('DEL', KEYS[4], KEYS[5], KEYS[6])
  -- A long value keeps Redis from packing them into lists, which it searches from the beginning each time.
  redis.call('HSET', KEYS[4], ':', string.rep(' ', 65))
  redis.call('HSET', KEYS[6], 'epoch', epoch, ':', string.rep(' ', 65))
end

local input = cjson.decode(ARGV[7])
local accounts = {}
for _, pair in ipairs(input.accounts) do
  local account = { id = pair[1], document = pair[2], limits = cjson.decode(pair[2]), totals = {}, kinds = {}, holds = pair[3] }
  for _, segment in ipairs(account.limits.segments) do
    for metric, limit in pairs(segment.metrics) do
      account.kinds[whole(segment.startMs) .. ':' .. metric] = limit.aggregation
    end
  end
  accounts[#accounts + 1] = account
  accounts[account.id] = account
end
for _, row in ipairs(input.totals) do
  local field = row[2] .. ':' .. row[3]
  local total = { value = tonumber(row[4]), at = tonumber(row[5]), sets = tonumber(row[6]) }
  accounts[tonumber(row[1])].totals[field] = total
end

local function addUnique(total, property, properties)
  local value = properties and cjson.decode(properties)[property]
  if value == nil or value == cjson.null then return end
  if type(value) == 'number' then value = whole(value) end
  local set = KEYS[7 + 2 * total.sets]
  if redis.call('SADD', set, tostring(value)) == 1 then redis.call('EXPIRE', set, 600) end
end

local function count(account, metric, quantity, at, properties)
  for s = #account.limits.segments, 1, -1 do
    local segment = account.limits.segments[s]
    if at >= segment.startMs and at < segment.endMs then
      local limit = segment.metrics[metric]
      if not limit then return end
      local field = whole(segment.startMs) .. ':' .. metric
      local total = account.totals[field] or { value = 0, at = 0, sets = 0 }
      account.totals[field] = total
      if limit.aggregation == 'sum' then total.value = total.value + quantity
      elseif limit.aggregation == 'count' then total.value = total.value + 1
      elseif limit.aggregation == 'max' then total.value = math.max(total.value, quantity)
      elseif limit.aggregation == 'unique' then addUnique(total, limit.uniqueProperty, properties)
      elseif at >= total.at then total.value = quantity end
      total.at = math.max(total.at, at)
      return
    end
  end
end

local function mentionsOne(names)
  for name in string.gmatch(names, '%S+') do if accounts[name] then return true end end
  return false
end

-- What is no row is set aside by whoever stores it.
local function countRows(data)
  local at = 1
  while at <= #data do
    local isRow, _, name, metric, _, _, quantity, _, occurred, _, _, size, rest = pcall(struct.unpack, ROW, data, at)
    if not isRow then return end
    local properties = size > 0 and string.sub(data, rest + 1, rest + size - 1) or nil
    if accounts[name] then count(accounts[name], metric, quantity, occurred / 1000 + EPOCH_MS, properties) end
    at = rest + math.max(size, 0)
  end
end

local function countTail(from)
  local bytes, bytesMax = 0, tonumber(ARGV[6])
  repeat
    local entries = redis.call('XRANGE', KEYS[2], '(' .. from, '+', 'COUNT', 10)
    for _, entry in ipairs(entries) do
      from = entry[1]
      local names, data = entry[2][4], entry[2][6]
      if names and data and mentionsOne(names) then
        countRows(data)
        bytes = bytes + #data
      end
      bytes = bytes + 1000
    end
    if bytes > bytesMax then return from end
  until #entries < 10
  return nil
end

local reached = countTail(ARGV[4] ~= '' and ARGV[5] or position)
if reached then
  local totals = {}
  for a, account in ipairs(accounts) do
    for field, total in pairs(account.totals) do
      local start, metric = string.match(field, '^(%d+):(.+)$')
      totals[#totals + 1] = { tostring(a), start, metric, whole(total.value), whole(total.at), tostring(total.sets) }
    end
  end
  return { 1, epoch, reached, totals }
end

local function clear(id, limits)
  for _, segment in ipairs(limits.segments) do
    for metric in pairs(segment.metrics) do
      local field = id .. ':' .. whole(segment.startMs) .. ':' .. metric
      redis.call('HDEL', KEYS[6], field, field .. ':at')
    end
  end
end

-- What reservations hold is counted in the present segment. Where this epoch knows the account's holds already, Redis
-- knows better which there are: an older snapshot takes none back and brings none again.
local function buildHolds(account)
  if redis.call('HGET', KEYS[8], '') ~= epoch then
    redis.call('DEL', KEYS[7], KEYS[8])
    redis.call('HSET', KEYS[8], '', epoch)
  end
  local isKnown = redis.call('HSETNX', KEYS[8], account.id, '1') == 0
  local start
  for _, segment in ipairs(account.limits.segments) do
    if segment.startMs < account.limits.validUntilMs and segment.endMs >= account.limits.validUntilMs then start = whole(segment.startMs) end
  end
  for _, hold in ipairs(account.holds) do
    local name, head, items = account.id .. ' ' .. hold[1], hold[2] .. ' ' .. hold[3], hold[4]
    local entry, before = isKnown and redis.call('HGET', KEYS[8], name), nil
    if entry then head, before = string.match(entry, '^(%d %d+) (%d+)') end
    if start ~= before and (before or not isKnown) then
      local words = { head, start }
      for i = 1, #items, 2 do
        local metric, quantity = items[i], items[i + 1]
        if quantity ~= '0' then
          local field = account.id .. ':' .. (before or '') .. ':' .. metric
          if before and redis.call('HINCRBY', KEYS[7], field, '-' .. quantity) <= 0 then redis.call('HDEL', KEYS[7], field) end
          redis.call('HINCRBY', KEYS[7], account.id .. ':' .. start .. ':' .. metric, quantity)
        end
        words[#words + 1] = metric
        words[#words + 1] = quantity
      end
      redis.call('HSET', KEYS[8], name, table.concat(words, ' '))
    end
  end
end

local function build(account)
  local known = redis.call('HGET', KEYS[3], account.id)
  known = known and cjson.decode(known)
  if known and known.version > account.limits.version then return false end
  if known then clear(account.id, known) end
  clear(account.id, account.limits)
  for name, total in pairs(account.totals) do
    local field, kind = account.id .. ':' .. name, account.kinds[name]
    if total.sets > 0 then
      local collected, set = KEYS[7 + 2 * total.sets], KEYS[8 + 2 * total.sets]
      redis.call('DEL', set)
      total.value = redis.call('SCARD', collected)
      if total.value > 0 then
        redis.call('RENAME', collected, set)
        redis.call('PERSIST', set)
      end
    end
    if kind then redis.call('HSET', KEYS[6], field, whole(total.value)) end
    if kind == 'last' then redis.call('HSET', KEYS[6], field .. ':at', whole(total.at)) end
  end
  redis.call('HSET', KEYS[3], account.id, account.document)
  redis.call('HSET', KEYS[4], account.id, epoch .. ':' .. whole(account.limits.version))
  redis.call('HSET', KEYS[5], account.id, position)
  buildHolds(account)
  return true
end

local newer = {}
for _, account in ipairs(accounts) do
  if not build(account) then newer[#newer + 1] = account.id end
end
return { 2, newer }
