-- What all scripts share. A timeline is one sorted set, newest first. Its members, all of score 0, are ids as members.py
-- writes them, a newer one before an older one, and before all of them exactly one mark: "!g<generation>" while it is
-- being built, "!f<floor>" once it is complete from there up. They compare as text: "!f..." < "!g..." whatever follows.

-- Redis packs a sorted set into a list while it has at most 128 members, none of them above 64 bytes: a push then looks
-- at every entry. A longer mark prevents that, whatever else is configured.
local UNPACKED = string.rep('.', 48)
local call = redis.call

local function building(generation)
  return '!g' .. generation .. UNPACKED
end

local function complete_from(floor)
  return '!f' .. floor .. UNPACKED
end

-- Constants in calls are text: of a number, Lua would print 17 digits for every timeline.
local function mark_of(key)
  return call('ZRANGE', key, '0', '0')[1]
end

local function is_building(mark)
  return mark > '!g'
end

local function add(key, ids, first)
  local batch = {}
  for i = first, #ids do
    batch[#batch + 1] = '0'
    batch[#batch + 1] = ids[i]
    if #batch == 1000 then
      call('ZADD', key, unpack(batch))
      batch = {}
    end
  end
  if #batch > 0 then
    call('ZADD', key, unpack(batch))
  end
end

-- Whoever removes ids from the old end moves the floor: later removals shrink the set, so its size cannot tell.
local function trim(key, mark, capacity, slack)
  if call('ZCARD', key) - 1 > capacity + slack then
    call('ZREMRANGEBYRANK', key, capacity + 1, -1)
    local oldest = call('ZRANGE', key, -1, -1)[1]
    call('ZREM', key, mark)
    call('ZADD', key, '0', complete_from(oldest))
  end
end
