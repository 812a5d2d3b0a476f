-- KEYS: one timeline. ARGV: generation, ms that a build may last, ms after which it may be taken over.
-- Returns 1 when this generation builds it now. The mark is the lock: its age is what is gone of its expiry.
local mark = mark_of(KEYS[1])
if mark then
  local age = tonumber(ARGV[2]) - call('PTTL', KEYS[1])
  if not is_building(mark) or age < tonumber(ARGV[3]) then
    return 0
  end
  call('DEL', KEYS[1])
end
call('ZADD', KEYS[1], '0', building(ARGV[1]))
call('PEXPIRE', KEYS[1], ARGV[2])
return 1
