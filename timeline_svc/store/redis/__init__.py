"""Timelines in Redis: the store, the names of its keys, and the Lua scripts that hold the rules."""

from timeline_svc.store.redis.fanouts import RedisFanoutRecords
from timeline_svc.store.redis.keys import author_key, home_keys
from timeline_svc.store.redis.members import member
from timeline_svc.store.redis.origin import Origin
from timeline_svc.store.redis.scripts import Scripts, script_texts
from timeline_svc.store.redis.timelines import RedisTimelineStore

__all__ = [
    "Origin",
    "RedisFanoutRecords",
    "RedisTimelineStore",
    "Scripts",
    "author_key",
    "home_keys",
    "member",
    "script_texts",
]
