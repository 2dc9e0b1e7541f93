
-- Output: { batch id, opened at, pulse count, amount, earliest window, latest window, row count }, or nil.
-- Complexity: O(SUM_BUCKETS).
local function batch_header(key)
  local header = redis.call('HMGET', key, unpack(HEADER))
  if not header[1] then return nil end
  local rows = 0
  for bucket = 0, SUM_BUCKETS - 1 do rows = rows + redis.call('HLEN', key .. ':' .. bucket) end
  header[#HEADER + 1] = rows
  return header
end

-- pulse_books: what one shard has counted and still holds, at one moment.
--
-- KEYS[1] header of the live batch, KEYS[2] books, KEYS[3] index of sealed batches, KEYS[4] prefix of sealed headers,
-- KEYS[5] journal, KEYS[6] lease
-- ARGV[1] library version
-- Output: { appended, journalled, bytes of the journal, counted, duplicates, generations of ids or false,
--   epoch or false, live header or false, { sealed header ... oldest first },
--   id of the oldest entry of the journal or false, 1 if an aggregator has the lease }
-- Complexity: O(sealed batches * SUM_BUCKETS).
local function books(keys, args)
  local live, books_hash, sealed_index, sealed_prefix, journal, lease = unpack(keys)
  local version = args[1]
  local wrong = check_version(version)
  if wrong then return wrong end
  local sealed = {}
  for _, id in ipairs(redis.call('ZRANGE', sealed_index, 0, -1)) do
    sealed[#sealed + 1] = batch_header(sealed_prefix .. id) or { id, '0', '0', '0', '0', '0', 0 }
  end
  local names = { 'appended', 'journalled', 'journal_bytes', 'counted', 'duplicates', 'seen', 'epoch' }
  local reply = redis.call('HMGET', books_hash, unpack(names))
  reply[8] = batch_header(live) or false
  reply[9] = sealed
  local oldest = redis.call('XRANGE', journal, '-', '+', 'COUNT', 1)[1]
  reply[10] = oldest and oldest[1] or false
  reply[11] = redis.call('EXISTS', lease)
  return reply
end

-- pulse_texts: one step of reading all sums of a bucket, as one text that no client has to take apart.
--
-- KEYS[1] the bucket; ARGV[1] library version, ARGV[2] cursor, '0' to begin, ARGV[3] how many fields a step looks at
-- Output: { next cursor, '0' at the end; fields and sums with a tab between them }. Complexity: O(ARGV[3]).
local function texts(keys, args)
  local bucket = keys[1]
  local version, cursor, count = args[1], args[2], args[3]
  local wrong = check_version(version)
  if wrong then return wrong end
  local step = redis.call('HSCAN', bucket, cursor, 'COUNT', count)
  return { step[1], table.concat(step[2], '\t') }
end

redis.register_function { function_name = 'pulse_texts', callback = texts, flags = { 'no-writes' } }
redis.register_function { function_name = 'pulse_books', callback = books, flags = { 'no-writes' } }
