
-- pulse_match: one step of a scan for those rows of one batch that a reader asks for.
--
-- The batch may be sealed between two steps: its hash is only renamed, so the scan continues in it. The scan never
-- misses a row that was there before the first step; it may miss rows that are added later.
--
-- KEYS[1] live hash, KEYS[2] the hash of the batch once it is sealed
-- ARGV[1] library version, ARGV[2] batch id, ARGV[3] cursor, '0' to begin, ARGV[4] how many fields to look at,
-- ARGV[5] glob that fields must match, ARGV[6] JSON of the further conditions, each optional:
--   { tenants = { name = true ... }, skus = ..., units = ..., from_hour = n, to_hour = n }
-- Output: { next cursor, field, sum, field, sum ... }; nil when neither hash is the batch: it was flushed.
-- Complexity: O(ARGV[4]).
local function match(keys, args)
  local live, sealed = keys[1], keys[2]
  local version, batch_id, cursor, count, glob, json = args[1], args[2], args[3], args[4], args[5], args[6]
  local wrong = check_version(version)
  if wrong then return wrong end
  local hash = redis.call('HGET', live, 'batch') == batch_id and live or sealed
  if redis.call('EXISTS', hash) == 0 then return nil end
  local filter = cjson.decode(json)
  local tenants, skus, units = filter.tenants, filter.skus, filter.units
  local from_hour, to_hour = filter.from_hour or -math.huge, filter.to_hour or math.huge
  local step = redis.call('HSCAN', hash, cursor, 'MATCH', glob, 'COUNT', count)
  local next_cursor, elements = step[1], step[2]
  local found, size = { next_cursor }, 1
  for index = 1, #elements, 2 do
    local field = elements[index]
    local tenant, sku, unit, hours = string.match(field, '^([^\31]*)\31([^\31]*)\31([^\31]*)\31([%d.]+)$')
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
