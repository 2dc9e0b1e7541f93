#!lua name=pulse
-- Pulse's Redis Functions. One library, loaded as one text: this file, then read, seal, match, lease, seen, journal.
--
-- Redis runs one function at a time and writes its effects to the AOF as one MULTI/EXEC: a crash leaves all of
-- them or none. An error does not roll back, so every function reads and checks before it writes.

-- Increase it with every change of arguments, keys or packing. Callers send the version they were built for, so
-- that old and new workers never misread each other during an upgrade.
local VERSION = '2'

-- The sums of a batch are spread over so many hashes, see sum-field.ts: `<header key>:<bucket>`.
local SUM_BUCKETS = 32
-- Fields of the header of a batch. Amounts and counts stay text: they may be larger than a Lua number can hold.
local HEADER = { 'batch', 'opened_at', 'pulses', 'amount', 'window_min', 'window_max' }

-- Values in one call of unpack; Lua takes fewer than 8,000.
local CHUNK = 6000

local function check_version(version)
  if version ~= VERSION then
    return redis.error_reply('PULSEVERSION this Redis holds library version ' .. VERSION
      .. ', the caller was built for ' .. tostring(version))
  end
end

local function now_seconds()
  return tonumber(redis.call('TIME')[1])
end
