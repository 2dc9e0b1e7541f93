
-- Ids that an aggregator remembers -------------------------------------------------------------------
--
-- The aggregator of a shard decides what is remembered, see seen-ids.ts; these functions only refuse the calls of one
-- that has lost its lease.

-- pulse_seen_segment: writes the ids of one segment of a closed generation, and the filter over them.
--
-- A closed generation never changes, so every call for a segment writes the same ids: safe to repeat, also by the next
-- aggregator after a crash.
--
-- KEYS[1] lease, KEYS[2] hash of the segment, KEYS[3] its filter
-- ARGV[1] library version, ARGV[2] token of the lease, ARGV[3] filter, then page, packed ids, page, packed ids ...
-- Output: OK. Complexity: O(bytes), at most 64 pages.
local function write_segment(keys, args)
  local lease, segment, filter_key = keys[1], keys[2], keys[3]
  local version, token, filter = args[1], args[2], args[3]
  local wrong = check_version(version) or check_lease(lease, token)
  if wrong then return wrong end
  if #args > 3 then redis.call('HSET', segment, unpack(args, 4)) end
  return redis.call('SET', filter_key, filter)
end

-- pulse_seen_drop: deletes keys of ids that are forgotten, or stored elsewhere. Safe to repeat.
--
-- KEYS[1] lease, the others: keys to delete, at most a few hundred
-- ARGV[1] library version, ARGV[2] token of the lease
-- Output: how many keys were there. Complexity: O(keys x 64 pages).
local function drop_seen(keys, args)
  local lease = keys[1]
  local version, token = args[1], args[2]
  local wrong = check_version(version) or check_lease(lease, token)
  if wrong then return wrong end
  return redis.call('UNLINK', unpack(keys, 2))
end

redis.register_function('pulse_seen_segment', write_segment)
-- Also when no memory is left: it frees some.
redis.register_function { function_name = 'pulse_seen_drop', callback = drop_seen, flags = { 'allow-oom' } }
