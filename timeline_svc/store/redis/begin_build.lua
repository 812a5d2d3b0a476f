-- KEYS: one timeline. ARGV: generation, ms that a build may last, ms after which it may be taken over.
-- Returns 1 when this generation builds it now. The mark is the lock: its age is what is gone of its expiry.
local mark = mark_of(KEYS[1])
if mark then
  local age = tonumber(ARGV[2]) - redis.call('PTTL', KEYS[1])
  if not is_building(mark) or age < tonumber(ARGV[3]) then
    return 0
  end
  redis.call('DEL', KEYS[1])
end
redis.call('ZADD', KEYS[1], 0, '~b' .. ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
