
-- The journal -----------------------------------------------------------------------------------
--
-- Keys of a shard, see keys.ts. The books have, besides the epoch:
--   appended     pulses ever written to the journal
--   journalled   pulses in the journal, which no commit has folded
--   journal_bytes  bytes of its entries
--   counted, duplicates  what was decided about all others: appended = counted + duplicates + journalled
--   position     the id of the last entry that was folded and committed
--   seen         the generations of ids, written by seen-ids.ts only

-- The part of the journal that must be free before a consumer begins, or begins again.
local PROBED_SHARE = 0.25

-- pulse_append: adds one batch of pulses to the journal.
--
-- KEYS[1] journal, KEYS[2] books
-- ARGV[1] library version, ARGV[2] epoch; any other in the books is refused, ARGV[3] bytes that the journal may have,
-- ARGV[4] pulses of the entry, ARGV[5] the entry, see journal-entry.ts; an empty one only
-- shows that Redis could take one, and that the journal has room
-- Output: nothing. Complexity: O(1).
local function append(keys, args)
  local journal, books_hash = keys[1], keys[2]
  local version, epoch, bytes_max, pulse_count, entry = args[1], args[2], tonumber(args[3]), args[4], args[5]
  local wrong = check_version(version)
  if wrong then return wrong end
  local books = redis.call('HMGET', books_hash, 'epoch', 'journal_bytes', 'appended', 'counted', 'duplicates')
  if epoch ~= '' and books[1] ~= epoch then
    return redis.error_reply('PULSEEPOCH the books of this shard belong to another epoch')
  end
  local bytes = tonumber(books[2] or 0)
  -- Whoever asks before it consumes again wants room for more than one batch.
  local wanted = #entry > 0 and #entry or bytes_max * PROBED_SHARE
  -- An empty journal takes any entry, so that no entry is too large for ever.
  if bytes > 0 and bytes + wanted > bytes_max then
    return redis.error_reply('PULSEJOURNAL the journal is full: ' .. bytes .. ' of ' .. bytes_max .. ' bytes')
  end
  if #entry > 0 then redis.call('XADD', journal, '*', '1', entry) end
  if not books[3] then
    -- The books of a version without a journal. Lua's own addition would not be exact beyond 2^53.
    redis.call('HINCRBY', books_hash, 'appended', books[4] or 0)
    redis.call('HINCRBY', books_hash, 'appended', books[5] or 0)
  end
  redis.call('HINCRBY', books_hash, 'appended', pulse_count)
  redis.call('HINCRBY', books_hash, 'journalled', pulse_count)
  redis.call('HINCRBY', books_hash, 'journal_bytes', #entry)
end

-- Begins the live batch, or widens its windows.
local function write_header(live, header)
  if header.expected_batch == '' then
    redis.call('HSET', live, 'batch', header.batch, 'opened_at', now_seconds())
  end
  redis.call('HINCRBY', live, 'pulses', header.counted)
  redis.call('HSET', live, 'amount', header.amount, 'window_min', header.window_min, 'window_max', header.window_max)
end

-- pulse_commit: makes the result of a round of the fold durable, all of it or nothing.
--
-- KEYS[1] lease, KEYS[2] header of the live batch; its sums are in KEYS[2] .. ':' .. bucket, KEYS[3] books,
-- KEYS[4] journal, KEYS[5] list of the ids of the generation in use
-- ARGV[1] library version, ARGV[2] token of the lease,
-- ARGV[3] position before the round, ARGV[4] after it, ARGV[5] the first id after that position,
-- ARGV[6] pulses counted, ARGV[7] duplicates, ARGV[8] bytes of the entries,
-- ARGV[9] batch that the sums were read from, '' for none, ARGV[10] batch to write; '' writes no sums,
-- ARGV[11] sum of all amounts of the batch, ARGV[12] earliest window, ARGV[13] latest window,
-- ARGV[14] ids of the round, ARGV[15] generations of ids, '' to leave them as they are, ARGV[16] those before it,
-- ARGV[17...] for each bucket with changes: its number; field, absolute sum, ... in one text, see pack-sums.ts
-- Output: 'committed', also when the reply to an earlier call for the same round was lost;
-- 'sealed' when the live batch is another one: nothing was written.
-- Complexity: O(changed sums + entries of the round).
local function commit(keys, args)
  local lease_key, live, books_hash, journal, ids_list = keys[1], keys[2], keys[3], keys[4], keys[5]
  local version, token, before, after, trim_below = args[1], args[2], args[3], args[4], args[5]
  local header = {
    counted = args[6], expected_batch = args[9], batch = args[10], amount = args[11], window_min = args[12],
    window_max = args[13],
  }
  local duplicates, bytes, ids, generations, generations_before = args[7], args[8], args[14], args[15], args[16]
  local wrong = check_version(version) or check_lease(lease_key, token)
  if wrong then return wrong end
  local books = redis.call('HMGET', books_hash, 'position', 'seen')
  local position, seen = books[1] or '', books[2] or ''
  if position == after and after ~= before then return 'committed' end
  if position ~= before then
    return redis.error_reply('PULSEPOSITION the journal was folded to ' .. position .. ', not to ' .. before)
  end
  -- A round without entries moves no position. Its copy must not come after a later one.
  if generations ~= '' and seen ~= generations_before then
    if seen == generations and after == before then return 'committed' end
    return redis.error_reply('PULSEPOSITION the ids of this shard were changed by a later round')
  end
  if (redis.call('HGET', live, 'batch') or '') ~= header.expected_batch then return 'sealed' end

  -- All of it before the first write, because an error does not roll back.
  local sums = {}
  for at = 17, #args, 2 do sums[at] = cmsgpack.unpack(args[at + 1]) end
  for at = 17, #args, 2 do
    for from = 1, #sums[at], CHUNK do
      redis.call('HSET', live .. ':' .. args[at], unpack(sums[at], from, math.min(from + CHUNK - 1, #sums[at])))
    end
  end
  if header.batch ~= '' then write_header(live, header) end
  if #ids > 0 then redis.call('RPUSH', ids_list, ids) end
  if generations ~= '' then redis.call('HSET', books_hash, 'seen', generations) end
  redis.call('HINCRBY', books_hash, 'counted', header.counted)
  redis.call('HINCRBY', books_hash, 'duplicates', duplicates)
  -- Not a minus sign alone: Redis does not take '-0' for an integer.
  redis.call('HINCRBY', books_hash, 'journalled', 0 - header.counted - duplicates)
  redis.call('HINCRBY', books_hash, 'journal_bytes', 0 - bytes)
  redis.call('HSET', books_hash, 'position', after)
  redis.call('XTRIM', journal, 'MINID', trim_below)
  return 'committed'
end

redis.register_function('pulse_append', append)
redis.register_function('pulse_commit', commit)
