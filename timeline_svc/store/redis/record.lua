-- KEYS: what is kept of a fan-out. ARGV: field, time, value, expiry in ms. A field is a link, named by the edge after which
-- it begins, or "dead". A repeat keeps the time of the first run, and the first link begins what was given up again.
local before = call('HGET', KEYS[1], ARGV[1])
local at = before and string.match(before, '^%d+') or ARGV[2]
call('HSET', KEYS[1], ARGV[1], at .. ' ' .. ARGV[3])
if ARGV[1] == '0' then
  call('HDEL', KEYS[1], 'dead')
end
call('PEXPIRE', KEYS[1], ARGV[4])
return 1
