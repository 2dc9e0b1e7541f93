#!lua name=pulse
-- Pulse's Redis Functions. One library, loaded as one text: this file, then generations, field-index, apply,
-- read, seal, match, lease, seen, journal, sums.
--
-- Redis runs one function at a time and writes its effects to the AOF as one MULTI/EXEC: a crash leaves all of
-- them or none. An error does not roll back, so every function reads and checks before it writes.

-- Increase it with every change of arguments, keys or packing. Callers send the version they were built for, so
-- that old and new workers never misread each other during an upgrade.
local VERSION = '1'

-- A sum as stored and sent: pulse count, high (units of 10^15), whole, nano. See sum-codec.ts.
-- Every limb is an integer below 2^53, so Lua's doubles hold it exactly.
local SUM_FORMAT = '<dI4dI4'
local SUM_BYTES = 24
local WHOLE_LIMB = 1e15
local NANO_LIMB = 1e9
-- 2^63 - 1 as limbs: the largest whole part of a sum.
local MAX_HIGH = 9223
local MAX_WHOLE = 372036854775807

-- Header fields of a batch hash, see keys.ts. All other fields are sums.
local HEADER = { 'batch', 'opened_at', 'pulses', 'window_min', 'window_max' }

-- Values in one call of unpack; Lua takes fewer than 8,000.
local CHUNK = 3000

local function check_version(version)
  if version ~= VERSION then
    return redis.error_reply('PULSEVERSION this Redis holds library version ' .. VERSION
      .. ', the caller was built for ' .. tostring(version))
  end
end

local function now_seconds()
  return tonumber(redis.call('TIME')[1])
end
