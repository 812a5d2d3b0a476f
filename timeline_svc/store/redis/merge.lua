-- KEYS: timelines of one shard. ARGV: complete_from, capacity, slack, ids. Returns the positions of those being built.
local building = {}
for position, key in ipairs(KEYS) do
  local mark = mark_of(key)
  if mark and is_building(mark) then
    building[#building + 1] = position
  elseif mark then
    local floor = string.sub(mark, 3)
    if ARGV[1] > floor then
      floor = ARGV[1]
      redis.call('ZREMRANGEBYLEX', key, '-', '(' .. floor)
      redis.call('ZREM', key, mark)
      mark = '~f' .. floor
      redis.call('ZADD', key, 0, mark)
    end
    local ids = {}
    for i = 4, #ARGV do
      if ARGV[i] >= floor then
        ids[#ids + 1] = ARGV[i]
      end
    end
    add(key, ids, 1)
    trim(key, mark, tonumber(ARGV[2]), tonumber(ARGV[3]))
  end
end
return building
