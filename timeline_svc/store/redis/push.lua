-- KEYS: timelines of one shard. ARGV: id, capacity, slack. Returns how many hold the id now.
-- Nothing else runs so often: three commands a timeline, and nothing in the loop that can be done before it.
local id, capacity, slack = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local highest_floor, most_members = complete_from(id), capacity + slack + 1
local keys, held = KEYS, 0
for position = 1, #keys do
  local key = keys[position]
  local mark = mark_of(key)
  if mark and mark >= highest_floor then
    call('ZADD', key, '0', id)
    held = held + 1
    if call('ZCARD', key) > most_members and not is_building(mark) then
      trim(key, mark, capacity, slack)
    end
  end
end
return held
