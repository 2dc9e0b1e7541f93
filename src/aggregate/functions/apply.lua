
-- Applying a batch -------------------------------------------------------------------------------

local ID_BYTES = 31
local ID_MEMBER_AT = 13
local NO_ID = 32
local PULSE_BYTES = 16
local PULSE_FORMAT = '<I4dI4'

-- Looks up and adds the fingerprints of one batch, in the older generations and in the newest.
local function seen_ids(ids, state, seen_prefix)
  local newest = state.list[#state.list]
  local prefixes, digits = {}, {}
  for index, generation in ipairs(state.list) do
    prefixes[index] = seen_prefix .. string.format('%d', generation[NUMBER]) .. ':'
    digits[index] = generation[DIGITS]
  end
  local count = #prefixes
  local newest_prefix, newest_digits = prefixes[count], digits[count]
  local sub, call = string.sub, redis.call
  local seen = {}

  function seen.has_id(index)
    return string.byte(ids, index * ID_BYTES + 1) ~= NO_ID
  end

  local function in_older(at, member)
    for index = 1, count - 1 do
      if call('SISMEMBER', prefixes[index] .. sub(ids, at + 1, at + digits[index]), member) == 1 then
        return true
      end
    end
    return false
  end

  function seen.contains(index)
    local at = index * ID_BYTES
    local member = sub(ids, at + ID_MEMBER_AT, at + ID_BYTES)
    return in_older(at, member)
      or call('SISMEMBER', newest_prefix .. sub(ids, at + 1, at + newest_digits), member) == 1
  end

  local function remove(index)
    local at = index * ID_BYTES
    call('SREM', newest_prefix .. sub(ids, at + 1, at + newest_digits),
      sub(ids, at + ID_MEMBER_AT, at + ID_BYTES))
  end

  -- Remembers the ids of all pulses without a verdict. Output: the indexes of those already known; nil and the
  -- error if one could not be added, and then none of them is remembered.
  function seen.add_all(pulse_count, verdict)
    local byte, added, known = string.byte, {}, {}
    local ok, failure = pcall(function()
      for index = 0, pulse_count - 1 do
        local at = index * ID_BYTES
        if not verdict[index] and byte(ids, at + 1) ~= NO_ID then
          local member = sub(ids, at + ID_MEMBER_AT, at + ID_BYTES)
          if (count > 1 and in_older(at, member))
            or call('SADD', newest_prefix .. sub(ids, at + 1, at + newest_digits), member) == 0 then
            known[#known + 1] = index
          else
            added[#added + 1] = index
          end
        end
      end
    end)
    if not ok then
      for _, index in ipairs(added) do remove(index) end
      return nil, failure
    end
    newest[COUNT] = newest[COUNT] + #added
    return known
  end

  return seen
end

-- The sums to be written, as columns: one table for each key would cost more than the arithmetic.
local function read_sums(live, fields, packed)
  local counts, highs, wholes, nanos, added, near_overflow = {}, {}, {}, {}, {}, false
  local missing = {}
  local unpack_sum = struct.unpack
  for first = 1, #fields, CHUNK do
    local last = math.min(first + CHUNK - 1, #fields)
    local stored = redis.call('HMGET', live, unpack(fields, first, last))
    for index = first, last do
      local count, high, whole, nano = unpack_sum(SUM_FORMAT, packed, (index - 1) * SUM_BYTES + 1)
      added[index] = count
      local old = stored[index - first + 1]
      if old then
        local old_count, old_high, old_whole, old_nano = unpack_sum(SUM_FORMAT, old)
        count, high, whole, nano = count + old_count, high + old_high, whole + old_whole, nano + old_nano
        if nano >= NANO_LIMB then nano, whole = nano - NANO_LIMB, whole + 1 end
        if whole >= WHOLE_LIMB then whole, high = whole - WHOLE_LIMB, high + 1 end
      else
        missing[#missing + 1] = index
      end
      if high >= MAX_HIGH then near_overflow = true end
      counts[index], highs[index], wholes[index], nanos[index] = count, high, whole, nano
    end
  end
  return {
    count = counts, high = highs, whole = wholes, nano = nanos, added = added, missing = missing,
    near_overflow = near_overflow,
  }
end

-- Adds one pulse to its sum again (sign 1), or subtracts it (sign -1). Output: the index of its key.
local function adjust(sums, pulses, pulse_index, sign)
  local key, whole, nano = struct.unpack(PULSE_FORMAT, pulses, pulse_index * PULSE_BYTES + 1)
  local at = key + 1
  nano, whole = sums.nano[at] + sign * nano, sums.whole[at] + sign * whole
  if nano < 0 or nano >= NANO_LIMB then nano, whole = nano - sign * NANO_LIMB, whole + sign end
  if whole < 0 or whole >= WHOLE_LIMB then
    whole, sums.high[at] = whole - sign * WHOLE_LIMB, sums.high[at] + sign
  end
  sums.nano[at], sums.whole[at] = nano, whole
  sums.count[at], sums.added[at] = sums.count[at] + sign, sums.added[at] + sign
  return at
end

local function overflows(sums, at)
  return sums.high[at] > MAX_HIGH or (sums.high[at] == MAX_HIGH and sums.whole[at] > MAX_WHOLE)
end

-- Runs when a sum may overflow: decides for each pulse in order, without writing, whether it is a duplicate or would
-- overflow its sum. Afterwards the sums contain neither.
-- Output: pulse index -> 'duplicate', 'refused' or nil.
local function judge_each(sums, pulses, pulse_count, seen, ids)
  local verdict, met = {}, {}
  for index = 0, pulse_count - 1 do
    adjust(sums, pulses, index, -1)
  end
  for index = 0, pulse_count - 1 do
    local id = seen.has_id(index) and string.sub(ids, index * ID_BYTES + 1, (index + 1) * ID_BYTES)
    if id and (met[id] or seen.contains(index)) then
      verdict[index] = 'duplicate'
    elseif overflows(sums, adjust(sums, pulses, index, 1)) then
      adjust(sums, pulses, index, -1)
      verdict[index] = 'refused'
    elseif id then
      met[id] = true
    end
  end
  return verdict
end

local function write_sums(live, fields, sums)
  local pack_sum = struct.pack
  local counts, highs, wholes, nanos, added = sums.count, sums.high, sums.whole, sums.nano, sums.added
  local changes, size, key_count = {}, 0, #fields
  for index = 1, key_count do
    if added[index] > 0 then
      changes[size + 1] = fields[index]
      changes[size + 2] = pack_sum(SUM_FORMAT, counts[index], highs[index], wholes[index], nanos[index])
      size = size + 2
    end
    if size >= CHUNK or (index == key_count and size > 0) then
      redis.call('HSET', live, unpack(changes, 1, size))
      size = 0
    end
  end
end

-- The header is part of the hash, so that renaming the hash seals both at once.
local function write_header(live, header, counted, batch)
  local min, max = batch.window_min, batch.window_max
  if header[1] then
    min, max = math.min(min, tonumber(header[4])), math.max(max, tonumber(header[5]))
  else
    redis.call('HSET', live, 'batch', batch.new_id, 'opened_at', string.format('%d', batch.now))
  end
  redis.call('HSET', live, 'window_min', string.format('%d', min), 'window_max', string.format('%d', max))
  redis.call('HINCRBY', live, 'pulses', counted)
end

-- pulse_apply: adds one batch, atomically and at most once per id.
--
-- KEYS[1] live hash, KEYS[2] books hash, KEYS[3] prefix of the seen sets (all of one shard)
-- ARGV[1] library version, ARGV[2] id for the batch if this call creates the live hash,
-- ARGV[3] dedupe window in seconds, ARGV[4], ARGV[5] earliest and latest window start in seconds,
-- ARGV[6] ids, ARGV[7] pulses, ARGV[8] fields (MessagePack), ARGV[9] sums; packing: batch-fold.ts
-- ARGV[10] epoch that the books must hold; empty to apply to any books
-- Output: { pulses counted, duplicates, { index of each pulse refused because its sum would overflow } }
-- Complexity: O(pulses x generations), 2 to 3 generations in steady state.
local function apply(keys, args)
  local live, books, seen_prefix = keys[1], keys[2], keys[3]
  local version, new_id, dedupe_seconds = args[1], args[2], tonumber(args[3])
  local window_min, window_max = tonumber(args[4]), tonumber(args[5])
  local ids, pulses, packed_fields, packed_sums, epoch = args[6], args[7], args[8], args[9], args[10]
  local wrong = check_version(version)
  if wrong then return wrong end
  local fields = cmsgpack.unpack(packed_fields)
  local pulse_count = #pulses / PULSE_BYTES
  if #ids ~= pulse_count * ID_BYTES or #packed_sums ~= #fields * SUM_BYTES then
    return redis.error_reply('PULSEARGS ids, pulses, fields and sums do not fit each other')
  end

  -- Reading and checking.
  local now = now_seconds()
  local kept = redis.call('HMGET', books, 'generations', 'epoch')
  local packed_state, books_epoch = kept[1], kept[2]
  if epoch ~= '' and epoch ~= books_epoch then
    return redis.error_reply('PULSEEPOCH the books hold epoch ' .. tostring(books_epoch))
  end
  local state = packed_state and cmsgpack.unpack(packed_state) or { next = 1, list = {}, swept = {} }
  turn_generations(state, now, dedupe_seconds)
  local header = redis.call('HMGET', live, unpack(HEADER))
  local sums = read_sums(live, fields, packed_sums)
  local seen = seen_ids(ids, state, seen_prefix)
  local verdict = sums.near_overflow and judge_each(sums, pulses, pulse_count, seen, ids) or {}

  -- Writing. Only a set of ids that was replaced by another type can fail here; then this is undone.
  local known, failure = seen.add_all(pulse_count, verdict)
  if not known then return redis.error_reply('PULSESEEN ' .. tostring(failure.err or failure)) end
  for _, index in ipairs(known) do adjust(sums, pulses, index, -1) end
  local duplicates, refused = #known, {}
  if next(verdict) then
    for index = 0, pulse_count - 1 do
      if verdict[index] == 'duplicate' then duplicates = duplicates + 1 end
      if verdict[index] == 'refused' then refused[#refused + 1] = index end
    end
  end
  local counted = pulse_count - duplicates - #refused
  if counted > 0 then
    write_sums(live, fields, sums)
    local batch = { new_id = new_id, window_min = window_min, window_max = window_max, now = now }
    write_header(live, header, counted, batch)
    -- The sums are written by now: an error here must not reach the caller.
    pcall(index_fields, index_of(live, header[1] or new_id), fields, sums)
  end
  sweep(state, seen_prefix)
  redis.call('HSET', books, 'generations', cmsgpack.pack(state))
  redis.call('HINCRBY', books, 'counted', counted)
  redis.call('HINCRBY', books, 'duplicates', duplicates)
  return { counted, duplicates, refused }
end

redis.register_function('pulse_apply', apply)
