
-- pulse_seal: freezes the live hash under its own batch id; the next apply starts a new one.
--
-- KEYS[1] live hash, KEYS[2] index of sealed batches, KEYS[3] prefix of sealed hashes
-- ARGV[1] library version
-- Output: the header of the sealed batch (see read.lua), or nil when nothing is live. Complexity: O(log batches).
local function seal(keys, args)
  local live, index, prefix = keys[1], keys[2], keys[3]
  local version = args[1]
  local wrong = check_version(version)
  if wrong then return wrong end
  local header = batch_header(live)
  if not header then return nil end
  redis.call('ZSCORE', index, header[1]) -- Fails on a wrong type before anything is written.
  redis.call('RENAME', live, prefix .. header[1])
  redis.call('ZADD', index, header[2], header[1])
  return header
end

-- pulse_discard: deletes a sealed batch that is committed in Postgres. Safe to repeat.
--
-- KEYS[1] index of sealed batches, KEYS[2] the sealed hash; ARGV[1] library version, ARGV[2] batch id
-- Output: how many hashes were removed. Complexity: O(log batches); the memory is freed in the background.
local function discard(keys, args)
  local index, sealed = keys[1], keys[2]
  local version, batch_id = args[1], args[2]
  local wrong = check_version(version)
  if wrong then return wrong end
  redis.call('ZREM', index, batch_id)
  redis.call('UNLINK', unpack(index_keys(index_of(sealed, batch_id))))
  return redis.call('UNLINK', sealed)
end

redis.register_function('pulse_seal', seal)
redis.register_function('pulse_discard', discard)
