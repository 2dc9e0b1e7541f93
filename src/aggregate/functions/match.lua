
-- pulse_match: the rows of one batch that a reader asks for, one step of a scan.
--
-- The batch may be sealed between two steps: the hash is renamed and stays the same, so the scan goes on in it.
-- What the batch held before the first step is never left out; what is added while the scan lasts may be.
--
-- KEYS[1] live hash, KEYS[2] the hash that the batch has once it is sealed
-- ARGV[1] library version, ARGV[2] batch id, ARGV[3] cursor ('0' at first), ARGV[4] how many fields to look at,
-- ARGV[5] glob that fields must match, ARGV[6] JSON of what else they must be:
--   { tenants = { name = true ... }, skus = ..., units = ..., from_hour = n, to_hour = n }, each may be missing
-- Output: { next cursor, field, sum, field, sum ... }; nil when the batch is in neither hash: it was flushed.
-- Complexity: O(ARGV[4]).
local function match(keys, args)
  local wrong = check_version(args[1])
  if wrong then return wrong end
  local hash = redis.call('HGET', keys[1], 'batch') == args[2] and keys[1] or keys[2]
  if redis.call('EXISTS', hash) == 0 then return nil end
  local filter = cjson.decode(args[6])
  local tenants, skus, units = filter.tenants, filter.skus, filter.units
  local from_hour, to_hour = filter.from_hour or -math.huge, filter.to_hour or math.huge
  local step = redis.call('HSCAN', hash, args[3], 'MATCH', args[5], 'COUNT', args[4])
  local elements, found, size = step[2], { step[1] }, 1
  for index = 1, #elements, 2 do
    local field = elements[index]
    local tenant, sku, unit, hours = string.match(field, '^([^\31]*)\31([^\31]*)\31([^\31]*)\31(%d+)$')
    if tenant then
      local hour = tonumber(hours)
      if (not tenants or tenants[tenant]) and (not skus or skus[sku]) and (not units or units[unit])
        and hour >= from_hour and hour < to_hour then
        found[size + 1], found[size + 2] = field, elements[index + 1]
        size = size + 2
      end
    end
  end
  return found
end

redis.register_function { function_name = 'pulse_match', callback = match, flags = { 'no-writes' } }
