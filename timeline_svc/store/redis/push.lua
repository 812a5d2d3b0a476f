-- KEYS: timelines of one shard. ARGV: id, capacity, slack. Returns how many hold the id now.
local held = 0
for _, key in ipairs(KEYS) do
  local mark = mark_of(key)
  if mark and mark <= '~f' .. ARGV[1] then
    redis.call('ZADD', key, 0, ARGV[1])
    held = held + 1
    if not is_building(mark) then
      trim(key, mark, tonumber(ARGV[2]), tonumber(ARGV[3]))
    end
  end
end
return held
