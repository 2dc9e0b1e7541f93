
-- pulse_seal: freezes the live sums under their own batch id; the next commit begins a new batch.
--
-- KEYS[1] header of the live batch, KEYS[2] index of sealed batches, KEYS[3] prefix of sealed headers
-- ARGV[1] library version
-- Output: the header of the sealed batch (see read.lua), or nil when nothing is live.
-- Complexity: O(SUM_BUCKETS + log batches).
local function seal(keys, args)
  local live, index, prefix = keys[1], keys[2], keys[3]
  local version = args[1]
  local wrong = check_version(version)
  if wrong then return wrong end
  local header = batch_header(live)
  if not header then return nil end
  local sealed = prefix .. header[1]
  redis.call('ZSCORE', index, header[1]) -- Fails on a wrong type before anything is written.
  for bucket = 0, SUM_BUCKETS - 1 do
    if redis.call('EXISTS', live .. ':' .. bucket) == 1 then
      redis.call('RENAME', live .. ':' .. bucket, sealed .. ':' .. bucket)
    end
  end
  redis.call('RENAME', live, sealed)
  redis.call('ZADD', index, header[2], header[1])
  return header
end

-- pulse_discard: deletes a sealed batch that is committed in Postgres. Safe to repeat.
--
-- KEYS[1] index of sealed batches, KEYS[2] header of the sealed batch; ARGV[1] library version, ARGV[2] batch id
-- Output: nothing. Complexity: O(SUM_BUCKETS + log batches); the memory is freed in the background.
local function discard(keys, args)
  local index, sealed = keys[1], keys[2]
  local version, batch_id = args[1], args[2]
  local wrong = check_version(version)
  if wrong then return wrong end
  redis.call('ZREM', index, batch_id)
  redis.call('UNLINK', sealed)
  for bucket = 0, SUM_BUCKETS - 1 do redis.call('UNLINK', sealed .. ':' .. bucket) end
end

-- Also when no memory is left: a flush frees it.
redis.register_function { function_name = 'pulse_seal', callback = seal, flags = { 'allow-oom' } }
redis.register_function { function_name = 'pulse_discard', callback = discard, flags = { 'allow-oom' } }
