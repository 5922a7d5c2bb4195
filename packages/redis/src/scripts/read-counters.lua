--[[ Reads an account's limits and live counters together.
     KEYS[1] meta   KEYS[2] limits   KEYS[3] live counters   ARGV[1] business now, unix ms
     returns {document, {field, value, ..}}, or {} where they must be loaded first            ]]
local document = redis.call('GET', KEYS[2])
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not document or not epoch then return {} end
local limits = cjson.decode(document)
if limits.validUntilMs <= tonumber(ARGV[1]) then return {} end
if redis.call('HGET', KEYS[3], 'mark') ~= epoch .. ':' .. string.format('%.0f', limits.version) then return {} end
return { document, redis.call('HGETALL', KEYS[3]) }
