-- KEYS: one timeline. ARGV: the newest bound as ZRANGE takes it, limit, expiry in ms or 0. Returns the mark, then ids.
local mark = mark_of(KEYS[1])
if not mark or is_building(mark) then
  return {}
end
if ARGV[3] ~= '0' then
  call('PEXPIRE', KEYS[1], ARGV[3])
end
local ids = call('ZRANGE', KEYS[1], ARGV[1], '+', 'BYLEX', 'LIMIT', 0, ARGV[2])
table.insert(ids, 1, mark)
return ids
