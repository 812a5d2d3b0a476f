"""The backends of the timeline store. A new one is one more line in BACKENDS."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from mesh.clock import SystemClock
from tests.conformance.timeline_store.cases import Make, patient_redis
from timeline_svc.model import TimelineLimits
from timeline_svc.store import TimelineStore
from timeline_svc.store.memory import MemoryTimelineStore
from timeline_svc.store.redis import RedisTimelineStore, Scripts, author_key, home_keys, script_texts

BACKENDS = ("memory", "redis_home", "redis_author")


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty Redis, with more patience than a service has."""
    async with patient_redis(redis_url) as redis:
        yield redis


@pytest.fixture(params=BACKENDS)
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "memory":
        return lambda limits: MemoryTimelineStore(limits=limits, clock=SystemClock())
    redis: Redis = request.getfixturevalue("redis")
    key_of = home_keys(16) if request.param == "redis_home" else author_key

    def make_redis(limits: TimelineLimits) -> TimelineStore:
        scripts = Scripts(script_texts())
        return RedisTimelineStore(redis, key_of=key_of, scripts=scripts, limits=limits, clock=SystemClock())

    return make_redis
