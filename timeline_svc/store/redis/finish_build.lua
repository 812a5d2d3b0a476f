-- KEYS: one timeline. ARGV: generation, floor, expiry in ms, capacity, slack, ids. Returns 1 when it is ready now.
local mark = mark_of(KEYS[1])
if mark ~= '~b' .. ARGV[1] then
  return 0
end
add(KEYS[1], ARGV, 6)
redis.call('ZREMRANGEBYLEX', KEYS[1], '-', '(' .. ARGV[2])
redis.call('ZREM', KEYS[1], mark)
mark = '~f' .. ARGV[2]
redis.call('ZADD', KEYS[1], 0, mark)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
trim(KEYS[1], mark, tonumber(ARGV[4]), tonumber(ARGV[5]))
return 1
