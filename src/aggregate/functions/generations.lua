
-- Generations of seen ids ---------------------------------------------------------------------
--
-- Ids live in generations; a generation is 4^digits sets ("buckets") of at most a few hundred numbers,
-- which Redis keeps as sorted arrays of 8 bytes a number. The newest generation takes new ids until
-- it is one dedupe window old or full; older ones are asked and kept until one window after they were
-- closed, then swept away a few buckets at a time. So an id is remembered for at least one window.
-- One generation is closed and one expires per call at most: a clock that jumps forward forgets the
-- oldest generation, and never the newest.
--
-- State, kept in the books as MessagePack:
--   { next = number, list = { {number, digits, opened_at, count, closed_at}, ... newest last },
--     swept = { {number, digits, next bucket}, ... } }

local DIGITS_MIN = 6
local DIGITS_MAX = 12
local BUCKET_IDS_TARGET = 256
local BUCKET_IDS_MAX = 384
local SWEEP_BUCKETS = 256

local function open_generation(state, now, digits)
  state.list[#state.list + 1] = { state.next, digits, now, 0, 0 }
  state.next = state.next + 1
end

-- Enough buckets for as many ids as the remembered generations hold, and for growth when one filled up early.
local function digits_for(state, filled_up)
  local ids = 0
  for _, generation in ipairs(state.list) do ids = ids + generation[4] end
  local digits = DIGITS_MIN
  if filled_up then digits = state.list[#state.list][2] + 1 end
  while digits < DIGITS_MAX and 4 ^ digits * BUCKET_IDS_TARGET < ids do digits = digits + 1 end
  return math.min(digits, DIGITS_MAX)
end

-- Closes the newest generation when it is old or full, and hands expired ones to the sweeper.
local function turn_generations(state, now, window_seconds)
  local newest = state.list[#state.list]
  if newest == nil then
    open_generation(state, now, DIGITS_MIN)
    return
  end
  local filled_up = newest[2] < DIGITS_MAX and newest[4] >= 4 ^ newest[2] * BUCKET_IDS_MAX
  if filled_up or now - newest[3] >= window_seconds then
    newest[5] = now
    open_generation(state, now, digits_for(state, filled_up))
  end
  local oldest = state.list[1]
  if #state.list > 1 and now - oldest[5] >= window_seconds then
    table.remove(state.list, 1)
    state.swept[#state.swept + 1] = { oldest[1], oldest[2], 0 }
  end
end

local function bucket_name(index, digits)
  local name = {}
  for position = 1, digits do
    name[position] = index % 4
    index = math.floor(index / 4)
  end
  return table.concat(name)
end

local function sweep(state, seen_prefix)
  local generation = state.swept[1]
  if generation == nil then return end
  local number, digits, first = generation[1], generation[2], generation[3]
  local last = math.min(first + SWEEP_BUCKETS, 4 ^ digits) - 1
  local buckets = {}
  for index = first, last do
    buckets[#buckets + 1] = seen_prefix .. string.format('%d', number) .. ':' .. bucket_name(index, digits)
  end
  redis.call('UNLINK', unpack(buckets))
  generation[3] = last + 1
  if generation[3] >= 4 ^ digits then table.remove(state.swept, 1) end
end
