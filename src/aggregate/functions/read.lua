
-- Output: { batch id, opened at, pulse count, earliest window, latest window, row count }, or nil. O(1).
-- The pulse count stays text: it may be larger than a Lua number can hold.
local function batch_header(hash)
  local header = redis.call('HMGET', hash, unpack(HEADER))
  if not header[1] then return nil end
  header[6] = redis.call('HLEN', hash) - #HEADER
  return header
end

-- pulse_books: what one shard has counted and still holds, at one moment.
--
-- KEYS[1] live hash, KEYS[2] books hash, KEYS[3] index of sealed batches, KEYS[4] prefix of sealed hashes
-- ARGV[1] library version
-- Output: { counted, duplicates, live header or false, { sealed header ... oldest first }, ids remembered,
--   epoch or false }
-- Complexity: O(sealed batches).
local function books(keys, args)
  local live, books_hash, sealed_index, sealed_prefix = keys[1], keys[2], keys[3], keys[4]
  local version = args[1]
  local wrong = check_version(version)
  if wrong then return wrong end
  local sealed = {}
  for _, id in ipairs(redis.call('ZRANGE', sealed_index, 0, -1)) do
    sealed[#sealed + 1] = batch_header(sealed_prefix .. id) or { id, '0', '0', '0', '0', 0 }
  end
  local totals = redis.call('HMGET', books_hash, 'counted', 'duplicates', 'generations', 'epoch')
  local counted, duplicates, packed_state, epoch = totals[1], totals[2], totals[3], totals[4]
  local seen = 0
  if packed_state then
    for _, generation in ipairs(cmsgpack.unpack(packed_state).list) do seen = seen + generation[COUNT] end
  end
  return { counted or '0', duplicates or '0', batch_header(live) or false, sealed, seen, epoch }
end

redis.register_function { function_name = 'pulse_books', callback = books, flags = { 'no-writes' } }
