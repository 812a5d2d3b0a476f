-- KEYS: one timeline. ARGV: ids, at most 1,000. Returns 0 when it is being built.
local mark = mark_of(KEYS[1])
if mark and is_building(mark) then
  return 0
end
if mark and #ARGV > 0 then
  call('ZREM', KEYS[1], unpack(ARGV))
end
return 1
