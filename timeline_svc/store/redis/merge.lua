-- KEYS: timelines of one shard. ARGV: complete from, capacity, slack, ids. Returns the positions of those being built.
local positions = {}
for position, key in ipairs(KEYS) do
  local mark = mark_of(key)
  if mark and is_building(mark) then
    positions[#positions + 1] = position
  elseif mark then
    local floor = string.sub(mark, 3, 21)
    if ARGV[1] < floor then
      floor = ARGV[1]
      call('ZREMRANGEBYLEX', key, '(' .. floor, '+')
      local raised = complete_from(floor)
      call('ZADD', key, '0', raised) -- first: a set that is empty for a moment loses its expiry
      call('ZREM', key, mark)
      mark = raised
    end
    local ids = {}
    for i = 4, #ARGV do
      if ARGV[i] <= floor then
        ids[#ids + 1] = ARGV[i]
      end
    end
    add(key, ids, 1)
    trim(key, mark, tonumber(ARGV[2]), tonumber(ARGV[3]))
  end
end
return positions
