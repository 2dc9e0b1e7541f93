
-- The lease of a shard --------------------------------------------------------------------------

-- For functions that only the aggregator with the lease may call.
local function check_lease(lease, token)
  if redis.call('GET', lease) ~= token then
    return redis.error_reply('PULSELEASE the shard belongs to another aggregator')
  end
end

-- pulse_lease: takes, renews or releases the right to fold a shard.
--
-- A lease that has ended cannot be renewed, even if it is free: another aggregator may have folded in between.
-- One with more time left than any aggregator asks for is free: it was taken while the clock was ahead, for example on
-- the server before a failover.
--
-- KEYS[1] lease
-- ARGV[1] library version, ARGV[2] token of the caller, a new one each time it takes the lease,
-- ARGV[3] 'take', 'renew' or 'release', ARGV[4] milliseconds
-- Output: the time in seconds when the caller holds the lease; nil when another does, or after a release. O(1).
local function lease(keys, args)
  local key = keys[1]
  local version, token, action, milliseconds = args[1], args[2], args[3], args[4]
  local wrong = check_version(version)
  if wrong then return wrong end
  local holder = redis.call('GET', key)
  if holder and action == 'take' and redis.call('PTTL', key) > 2 * tonumber(milliseconds) then holder = false end
  if holder and holder ~= token or not holder and action ~= 'take' then return nil end
  if action == 'release' then
    redis.call('DEL', key)
    return nil
  end
  redis.call('SET', key, token, 'PX', milliseconds)
  return now_seconds()
end

-- Also when no memory is left: it takes a hundred bytes, and whoever loses it must load what it knew again.
redis.register_function { function_name = 'pulse_lease', callback = lease, flags = { 'allow-oom' } }
