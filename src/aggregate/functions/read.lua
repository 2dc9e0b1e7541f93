
-- Output: { batch id, opened at, pulse count, earliest window, latest window, row count }, or nil. O(1).
-- The pulse count stays text: it may exceed what a Lua number holds.
local function batch_header(hash)
  local header = redis.call('HMGET', hash, unpack(HEADER))
  if not header[1] then return nil end
  header[6] = redis.call('HLEN', hash) - #HEADER
  return header
end

-- pulse_books: what one shard has counted and still holds, at one instant.
--
-- KEYS[1] live hash, KEYS[2] books hash, KEYS[3] index of sealed batches, KEYS[4] prefix of sealed hashes
-- ARGV[1] library version
-- Output: { counted, duplicates, live header or false, { sealed header ... oldest first }, ids remembered }.
-- O(sealed batches).
local function books(keys, args)
  local wrong = check_version(args[1])
  if wrong then return wrong end
  local sealed = {}
  for _, id in ipairs(redis.call('ZRANGE', keys[3], 0, -1)) do
    sealed[#sealed + 1] = batch_header(keys[4] .. id) or { id, '0', '0', '0', '0', 0 }
  end
  local totals = redis.call('HMGET', keys[2], 'counted', 'duplicates', 'generations')
  local seen = 0
  if totals[3] then
    for _, generation in ipairs(cmsgpack.unpack(totals[3]).list) do seen = seen + generation[4] end
  end
  return { totals[1] or '0', totals[2] or '0', batch_header(keys[1]) or false, sealed, seen }
end

redis.register_function { function_name = 'pulse_books', callback = books, flags = { 'no-writes' } }
