-- KEYS: one timeline. ARGV: generation, floor, expiry in ms, capacity, slack, ids. Returns 1 when it is ready now.
local mark = mark_of(KEYS[1])
if mark ~= building(ARGV[1]) then
  return 0
end
add(KEYS[1], ARGV, 6)
call('ZREMRANGEBYLEX', KEYS[1], '(' .. ARGV[2], '+')
call('ZREM', KEYS[1], mark)
mark = complete_from(ARGV[2])
call('ZADD', KEYS[1], '0', mark)
call('PEXPIRE', KEYS[1], ARGV[3])
trim(KEYS[1], mark, tonumber(ARGV[4]), tonumber(ARGV[5]))
return 1
