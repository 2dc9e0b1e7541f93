
-- The field index of a batch ------------------------------------------------------------------------
--
-- A reader that asks for some tenants finds their fields here, and does not look at those of all others. A batch has
-- BUCKETS lists; the name of a tenant decides which of them has its fields. They are named after the batch,
-- `{shard}:fields:<batch id>:<bucket>`, so a seal does not touch them. An element has the new fields of one call,
-- with a MARK before each and at the end: joining them costs less than an argument for each.
--
-- The key without a bucket counts the indexed fields. The index is complete when the hash has as many: a field enters
-- both in one call, and leaves neither. Any other index is not used: the reader scans the hash. So a batch may begin
-- under a library that knows no index, or continue under one. A change of the buckets or of the elements needs another
-- word than `fields` in the names: a batch may live through it.

-- A prime, so that all bits of the bytes below count.
local BUCKETS = 31

-- No part of a field contains control characters.
local MARK = '\30'
local ELEMENT_FIELDS_MAX = 200

-- A step of a reader ends after the element with which it has looked through so many bytes, once for each tenant of the
-- bucket, or met so many fields of its tenants. That takes 1 to 3 ms.
local STEP_BYTES = 1000000
local STEP_FIELDS = 2000
local STEP_ELEMENTS = 50

-- The first key of a batch's index. `key` is any key of the shard; its hash tag keeps the index in the same slot.
local function index_of(key, batch_id)
  return string.match(key, '^{[^}]*}') .. ':fields:' .. batch_id
end

-- The bucket of the tenant that a text begins with; a separator follows at `stop`. Names differ at one end, as in
-- `tenant-1` and `one.example`. A crowded bucket costs readers time, nothing else.
local function bucket_of(text, stop)
  local byte = string.byte
  local a, b = byte(text, 1, 2)
  local y, z = byte(text, stop - 2, stop)
  return (a + 8 * b + 2 * y + 16 * z) % BUCKETS
end

local function bucket_key(index, bucket)
  return index .. ':' .. bucket
end

-- All keys of an index.
local function index_keys(index)
  local keys = { index }
  for bucket = 0, BUCKETS - 1 do keys[#keys + 1] = bucket_key(index, bucket) end
  return keys
end

-- Adds those fields of a call that the hash did not have before. An error on the way leaves the index incomplete.
local function index_fields(index, fields, sums)
  local find, added, missing = string.find, sums.added, sums.missing
  local lists = {}
  for position = 1, #missing do
    local at = missing[position]
    if added[at] > 0 then
      local field = fields[at]
      local bucket = bucket_of(field, find(field, '\31', 1, true))
      local list = lists[bucket]
      if list then list[#list + 1] = field else lists[bucket] = { field } end
    end
  end
  local count = 0
  for bucket, list in pairs(lists) do
    local key = bucket_key(index, bucket)
    for first = 1, #list, ELEMENT_FIELDS_MAX do
      local last = math.min(first + ELEMENT_FIELDS_MAX - 1, #list)
      redis.call('RPUSH', key, MARK .. table.concat(list, MARK, first, last) .. MARK)
    end
    count = count + #list
  end
  if count > 0 then redis.call('INCRBY', index, count) end
end

local function index_is_complete(index, hash)
  return tonumber(redis.pcall('GET', index)) == redis.call('HLEN', hash) - #HEADER
end

-- What to look for in each bucket: { bucket = { MARK .. tenant .. separator ... } ... }.
local function needles_of(tenants)
  local needles = {}
  for tenant in pairs(tenants) do
    if tenant ~= '' then
      local bucket = bucket_of(tenant .. '\31', #tenant + 1)
      local list = needles[bucket] or {}
      needles[bucket] = list
      list[#list + 1] = MARK .. tenant .. '\31'
    end
  end
  return needles
end

-- Adds those fields of an element to `fields` that begin with a needle and pass. Output: how many begin with it.
local function find_fields(element, needle, passes, fields)
  local find, met = string.find, 0
  local at = find(element, needle, 1, true)
  while at do
    local stop = find(element, MARK, at + 1, true)
    local field = string.sub(element, at + 1, stop - 1)
    if passes(field) then fields[#fields + 1] = field end
    met = met + 1
    at = find(element, needle, stop, true)
  end
  return met
end

-- One step through the indexed fields of some tenants. The lists only grow, so a place in them stays valid.
-- Output: the next cursor, 'i<bucket>:<element>' or '0' at the end; the fields of this step that pass.
local function read_index(index, cursor, tenants, passes)
  local at_bucket, at_element = string.match(cursor, '^i(%d+):(%d+)$')
  local from, bytes, met, fields, needles = tonumber(at_element or 0), 0, 0, {}, needles_of(tenants)
  for bucket = tonumber(at_bucket or 0), BUCKETS - 1 do
    local more = needles[bucket] ~= nil
    while more do
      local elements = redis.call('LRANGE', bucket_key(index, bucket), from, from + STEP_ELEMENTS - 1)
      for _, element in ipairs(elements) do
        for _, needle in ipairs(needles[bucket]) do
          met = met + find_fields(element, needle, passes, fields)
          bytes = bytes + #element
        end
        from = from + 1
        if met >= STEP_FIELDS or bytes >= STEP_BYTES then return string.format('i%d:%d', bucket, from), fields end
      end
      more = #elements == STEP_ELEMENTS
    end
    from = 0
  end
  return '0', fields
end
