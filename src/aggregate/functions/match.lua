
-- Output: a test of a field by the conditions of a reader.
local function field_test(filter)
  local tenants, skus, units, from, to = filter.tenants, filter.skus, filter.units, filter.from, filter.to
  return function(field)
    local tenant, sku, unit, window = string.match(field, '^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)$')
    return window and (not tenants or tenants[tenant]) and (not skus or skus[sku]) and (not units or units[unit])
      -- Lua compares texts by the locale of the server. Every locale orders windows alike: they differ only in digits.
      and (not from or window >= from) and (not to or window < to)
  end
end

-- pulse_match: one step of a search for those sums of one batch that a reader asks for.
--
-- The batch may be sealed between two steps: its hashes are only renamed, so the search continues in them. The search
-- never misses a sum that was there before the first step; it may miss sums that are added later.
--
-- KEYS[1] header of the live batch, KEYS[2] header of the batch once it is sealed
-- ARGV[1] library version, ARGV[2] batch id, ARGV[3] JSON of the buckets to look in, ARGV[4] position in that list, from 1,
-- ARGV[5] cursor in that bucket, '0' to begin, ARGV[6] how many fields a step looks at, ARGV[7] glob that fields must
-- match, ARGV[8] JSON of the further conditions, each optional:
--   { tenants = { name = true ... }, skus = ..., units = ..., from = window, to = window }, names as in fields
-- Output: { next position, 0 at the end; next cursor; field, sum, field, sum ... }; nil when neither is the batch: it was
-- flushed. Complexity: O(ARGV[6]).
local function match(keys, args)
  local live, sealed = keys[1], keys[2]
  local version, batch_id, buckets, position, cursor = args[1], args[2], cjson.decode(args[3]), tonumber(args[4]), args[5]
  local budget, glob, passes = tonumber(args[6]), args[7], field_test(cjson.decode(args[8]))
  local wrong = check_version(version)
  if wrong then return wrong end
  local key = redis.call('HGET', live, 'batch') == batch_id and live or sealed
  if redis.call('EXISTS', key) == 0 then return nil end
  local found = { 0, '0' }
  while position <= #buckets and budget > 0 do
    local hash = key .. ':' .. buckets[position]
    local step = redis.call('HSCAN', hash, cursor, 'MATCH', glob, 'COUNT', budget)
    local elements = step[2]
    for index = 1, #elements, 2 do
      if passes(elements[index]) then
        found[#found + 1] = elements[index]
        found[#found + 1] = elements[index + 1]
      end
    end
    -- A scan looks at about as many fields as it was told, or at the whole bucket.
    budget = budget - math.min(budget, redis.call('HLEN', hash) + 1)
    cursor = step[1]
    if cursor == '0' then position = position + 1 end
  end
  if position <= #buckets then
    found[1], found[2] = position, cursor
  end
  return found
end

redis.register_function { function_name = 'pulse_match', callback = match, flags = { 'no-writes' } }
