"""The backends of the timeline store. A new one is one more line in BACKENDS."""

from __future__ import annotations

import pytest

from mesh.clock import SystemClock
from mesh.storage.redis_pipeline import PipelinedRedis
from tests.conformance.timeline_store.cases import Make
from timeline_svc.model import TimelineLimits
from timeline_svc.store import TimelineStore
from timeline_svc.store.memory import MemoryTimelineStore
from timeline_svc.store.redis import RedisTimelineStore, Scripts, author_key, home_keys, script_texts

BACKENDS = ("memory", "redis_home", "redis_author")


@pytest.fixture(params=BACKENDS)
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "memory":
        return lambda limits: MemoryTimelineStore(limits=limits, clock=SystemClock())
    pipeline: PipelinedRedis = request.getfixturevalue("pipeline")
    key_of = home_keys(16) if request.param == "redis_home" else author_key

    def make_redis(limits: TimelineLimits) -> TimelineStore:
        scripts = Scripts(script_texts())
        return RedisTimelineStore(pipeline, key_of=key_of, scripts=scripts, limits=limits, clock=SystemClock())

    return make_redis
