-- What all scripts share. A timeline is one sorted set: 19-digit ids, all of score 0, and exactly one mark, which
-- sorts above the digits: "~b<generation>" while it is being built, "~f<floor>" once it is complete from there up.
-- Marks and ids compare as text: "~b..." < "~f..." whatever follows.

local function mark_of(key)
  return redis.call('ZREVRANGE', key, 0, 0)[1]
end

local function is_building(mark)
  return string.sub(mark, 1, 2) == '~b'
end

local function add(key, ids, first)
  local batch = {}
  for i = first, #ids do
    batch[#batch + 1] = 0
    batch[#batch + 1] = ids[i]
    if #batch == 1000 then
      redis.call('ZADD', key, unpack(batch))
      batch = {}
    end
  end
  if #batch > 0 then
    redis.call('ZADD', key, unpack(batch))
  end
end

-- Whoever removes ids from the old end moves the floor: later removals shrink the set, so its size cannot tell.
local function trim(key, mark, capacity, slack)
  local ids = redis.call('ZCARD', key) - 1
  if ids > capacity + slack then
    redis.call('ZREMRANGEBYRANK', key, 0, ids - capacity - 1)
    local oldest = redis.call('ZRANGE', key, 0, 0)[1]
    redis.call('ZREM', key, mark)
    redis.call('ZADD', key, 0, '~f' .. oldest)
  end
end
