
-- Output: a test of a field by the conditions of a reader.
local function field_test(filter)
  local tenants, skus, units = filter.tenants, filter.skus, filter.units
  local from_hour, to_hour = filter.from_hour or -math.huge, filter.to_hour or math.huge
  local find, sub, match = string.find, string.sub, string.match
  return function(field)
    local tenant_end = find(field, '\31', 1, true)
    -- Most fields are of other tenants.
    if not tenant_end or (tenants and not tenants[sub(field, 1, tenant_end - 1)]) then return false end
    local sku, unit, hours = match(field, '^([^\31]*)\31([^\31]*)\31([%d.]+)$', tenant_end + 1)
    local hour = tonumber(hours)
    return hour and (not skus or skus[sku]) and (not units or units[unit]) and hour >= from_hour and hour < to_hour
  end
end

-- One step through all fields. Output as of pulse_match.
local function match_by_scan(hash, cursor, glob, count, passes)
  local step = redis.call('HSCAN', hash, cursor, 'MATCH', glob, 'COUNT', count)
  local next_cursor, elements = step[1], step[2]
  local found, size = { next_cursor }, 1
  for index = 1, #elements, 2 do
    if passes(elements[index]) then
      found[size + 1], found[size + 2] = elements[index], elements[index + 1]
      size = size + 2
    end
  end
  return found
end

-- One step through the fields of some tenants. Output as of pulse_match.
local function match_by_index(hash, index, cursor, tenants, passes)
  local next_cursor, fields = read_index(index, cursor, tenants, passes)
  local found = { next_cursor }
  if #fields == 0 then return found end
  local sums = redis.call('HMGET', hash, unpack(fields))
  for at, field in ipairs(fields) do
    found[2 * at], found[2 * at + 1] = field, sums[at]
  end
  return found
end

-- pulse_match: one step of a search for those rows of one batch that a reader asks for. When it asks for some tenants
-- and the batch has a complete index, it looks at few fields of others.
--
-- The batch may be sealed between two steps: its hash is only renamed, so the search continues in it. The search never
-- misses a row that was there before the first step; it may miss rows that are added later.
--
-- KEYS[1] live hash, KEYS[2] the hash of the batch once it is sealed
-- ARGV[1] library version, ARGV[2] batch id, ARGV[3] cursor, '0' to begin, ARGV[4] how many fields a scan looks at,
-- ARGV[5] glob that fields must match, ARGV[6] JSON of the further conditions, each optional:
--   { tenants = { name = true ... }, skus = ..., units = ..., from_hour = n, to_hour = n }
-- Output: { next cursor, field, sum, field, sum ... }; nil when neither hash is the batch: it was flushed.
-- Complexity: O(ARGV[4]), or O(STEP_FIELDS + STEP_BYTES) with an index.
local function match(keys, args)
  local live, sealed = keys[1], keys[2]
  local version, batch_id, cursor, count, glob, json = args[1], args[2], args[3], args[4], args[5], args[6]
  local wrong = check_version(version)
  if wrong then return wrong end
  local hash = redis.call('HGET', live, 'batch') == batch_id and live or sealed
  if redis.call('EXISTS', hash) == 0 then return nil end
  local filter = cjson.decode(json)
  local passes, index = field_test(filter), index_of(live, batch_id)
  local is_indexed = string.sub(cursor, 1, 1) == 'i'
    or (cursor == '0' and filter.tenants and index_is_complete(index, hash))
  if is_indexed then return match_by_index(hash, index, cursor, filter.tenants, passes) end
  return match_by_scan(hash, cursor, glob, count, passes)
end

redis.register_function { function_name = 'pulse_match', callback = match, flags = { 'no-writes' } }
