
-- Generations of seen ids ---------------------------------------------------------------------
--
-- Ids are stored in generations; a generation is 4^digits sets ("buckets") of at most a few hundred numbers,
-- which Redis keeps as sorted arrays of 8 bytes a number. The newest generation takes new ids until it is full or
-- one dedupe window old. Older ones are still looked up until one window after they were closed, then deleted a
-- few buckets at a time. So an id is remembered for at least one window.
-- Each call closes and expires one generation at most: a clock that jumps forward forgets the oldest generation,
-- never the newest.
--
-- State, kept in the books as MessagePack:
--   { next = number, list = { {number, digits, opened_at, count, closed_at}, ... newest last },
--     swept = { {number, digits, next bucket}, ... } }

local NUMBER, DIGITS, OPENED_AT, COUNT, CLOSED_AT = 1, 2, 3, 4, 5
local NEXT_BUCKET = 3

local DIGITS_MIN = 6
local DIGITS_MAX = 12
local BUCKET_IDS_TARGET = 256
local BUCKET_IDS_MAX = 384
local SWEEP_BUCKETS = 256

local function open_generation(state, now, digits)
  state.list[#state.list + 1] = { state.next, digits, now, 0, 0 }
  state.next = state.next + 1
end

-- Enough buckets for as many ids as all remembered generations hold, and more than before when one filled up early.
local function digits_for(state, filled_up)
  local ids = 0
  for _, generation in ipairs(state.list) do ids = ids + generation[COUNT] end
  local digits = DIGITS_MIN
  if filled_up then digits = state.list[#state.list][DIGITS] + 1 end
  while digits < DIGITS_MAX and 4 ^ digits * BUCKET_IDS_TARGET < ids do digits = digits + 1 end
  return math.min(digits, DIGITS_MAX)
end

-- Closes the newest generation when it is old or full, and hands an expired one to the sweeper.
local function turn_generations(state, now, window_seconds)
  local newest = state.list[#state.list]
  if newest == nil then
    open_generation(state, now, DIGITS_MIN)
    return
  end
  local filled_up = newest[DIGITS] < DIGITS_MAX and newest[COUNT] >= 4 ^ newest[DIGITS] * BUCKET_IDS_MAX
  if filled_up or now - newest[OPENED_AT] >= window_seconds then
    newest[CLOSED_AT] = now
    open_generation(state, now, digits_for(state, filled_up))
  end
  local oldest = state.list[1]
  if #state.list > 1 and now - oldest[CLOSED_AT] >= window_seconds then
    table.remove(state.list, 1)
    state.swept[#state.swept + 1] = { oldest[NUMBER], oldest[DIGITS], 0 }
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
  local number, digits, first = generation[NUMBER], generation[DIGITS], generation[NEXT_BUCKET]
  local last = math.min(first + SWEEP_BUCKETS, 4 ^ digits) - 1
  local buckets = {}
  for index = first, last do
    buckets[#buckets + 1] = seen_prefix .. string.format('%d', number) .. ':' .. bucket_name(index, digits)
  end
  redis.call('UNLINK', unpack(buckets))
  generation[NEXT_BUCKET] = last + 1
  if generation[NEXT_BUCKET] >= 4 ^ digits then table.remove(state.swept, 1) end
end
