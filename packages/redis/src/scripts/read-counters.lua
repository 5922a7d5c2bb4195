--[[ Reads an account's limits and live counters together.
     KEYS[1] meta   KEYS[2] limits   KEYS[3] marks   KEYS[4] live   KEYS[5] held
     ARGV[1] account   ARGV[2] business now, unix ms
     returns {document, {field, ..}, {value or "0", ..}, {held or "0", ..}}, or {} where they must be loaded first     ]]
local document = redis.call('HGET', KEYS[2], ARGV[1])
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not document or not epoch or redis.call('HGET', KEYS[4], 'epoch') ~= epoch then return {} end
local limits = cjson.decode(document)
if limits.validUntilMs <= tonumber(ARGV[2]) then return {} end
if redis.call('HGET', KEYS[3], ARGV[1]) ~= epoch .. ':' .. string.format('%.0f', limits.version) then return {} end

local fields = {}
for _, segment in ipairs(limits.segments) do
  for metric in pairs(segment.metrics) do
    fields[#fields + 1] = ARGV[1] .. ':' .. string.format('%.0f', segment.startMs) .. ':' .. metric
  end
end
if #fields == 0 then return { document, {}, {}, {} } end
local values = redis.call('HMGET', KEYS[4], unpack(fields))
local held = redis.call('HMGET', KEYS[5], unpack(fields))
for f = 1, #fields do
  values[f], held[f] = values[f] or '0', held[f] or '0'
end
return { document, fields, values, held }
