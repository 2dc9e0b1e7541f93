
-- Sums of a batch -------------------------------------------------------------------------------

-- Output: { batch id, opened at, pulse count, amount, earliest window, latest window, row count }, or nil.
-- Counts and amounts stay text: they may be larger than a Lua number can hold. Complexity: O(SUM_BUCKETS).
local function sums_header(live)
  local header = redis.call('HMGET', live, unpack(SUMS_HEADER))
  if not header[1] then return nil end
  local rows = 0
  for bucket = 0, SUM_BUCKETS - 1 do rows = rows + redis.call('HLEN', live .. ':' .. bucket) end
  header[#SUMS_HEADER + 1] = rows
  return header
end

-- pulse_seal_sums: freezes the live sums under their own batch id; the next commit begins a new batch.
--
-- KEYS[1] header of the live batch, KEYS[2] index of sealed batches, KEYS[3] prefix of sealed headers
-- ARGV[1] library version
-- Output: the header of the sealed batch, or nil when nothing is live. Complexity: O(SUM_BUCKETS + log batches).
local function seal_sums(keys, args)
  local live, index, prefix = keys[1], keys[2], keys[3]
  local version = args[1]
  local wrong = check_version(version)
  if wrong then return wrong end
  local header = sums_header(live)
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

redis.register_function('pulse_seal_sums', seal_sums)
