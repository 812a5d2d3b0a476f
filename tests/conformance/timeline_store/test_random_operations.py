"""Redis and the plain model in memory answer alike, whatever is done in whatever order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.clock import SystemClock
from mesh.storage.redis_pipeline import PipelinedRedis, open_redis_pipeline
from tests.conformance.timeline_store.cases import ID, SMALL
from tests.support.servers import Server
from timeline_svc.store import TimelineStore
from timeline_svc.store.memory import MemoryTimelineStore
from timeline_svc.store.redis import RedisTimelineStore, Scripts, home_keys, script_texts

OWNERS = (1, 2, 3)
owners = st.sampled_from(OWNERS)
some_owners = st.sets(owners, min_size=1)
numbers = st.integers(0, 40).map(lambda number: ID + number)
some_ids = st.lists(numbers, max_size=16)
floors = st.one_of(st.just(0), numbers)

# The name of a method of Side, and its arguments.
operations = st.one_of(
    st.tuples(st.just("push"), numbers, some_owners),
    st.tuples(st.just("merge"), some_ids, some_owners, floors),
    st.tuples(st.just("unmerge"), some_ids, owners),
    st.tuples(st.just("lose"), some_ids, owners),
    st.tuples(st.just("build"), owners, some_ids, floors),
    st.tuples(st.just("begin"), owners),
    st.tuples(st.just("finish"), owners, some_ids, floors, st.integers(0, 2)),
    st.tuples(st.just("page"), owners, floors, st.integers(1, 12)),
)


@dataclass
class Side:
    """One store, and the generations of the builds begun in it, newest first."""

    store: TimelineStore
    generations: list[str] = field(default_factory=list)

    async def push(self, tweet_id: int, some: set[int]) -> object:
        return await self.store.push(tweet_id, some)

    async def merge(self, ids: list[int], some: set[int], complete_from: int) -> object:
        return await self.store.merge(ids, some, complete_from=complete_from)

    async def unmerge(self, ids: list[int], owner: int) -> object:
        return await self.store.unmerge(ids, owner)

    async def lose(self, ids: list[int], owner: int) -> object:
        if not ids:
            await self.store.drop(owner)
        await self.store.remove(ids, owner)
        return None

    async def begin(self, owner: int) -> object:
        generation = await self.store.begin_build(owner)
        if generation is not None:
            self.generations.insert(0, generation)
        return generation is None

    async def finish(self, owner: int, ids: list[int], floor: int, age: int) -> object:
        generation = self.generations[age] if age < len(self.generations) else "unknown"
        return await self.store.finish_build(owner, generation, ids, floor=floor)

    async def build(self, owner: int, ids: list[int], floor: int) -> object:
        return await self.begin(owner), await self.finish(owner, ids, floor, 0)

    async def page(self, owner: int, below: int, limit: int) -> object:
        return await self.store.page(owner, below=below, limit=limit)

    async def everything(self) -> list[object]:
        pages = await self.store.pages(OWNERS, below=0, limit=100)
        return [*(await asyncio.gather(*map(self.store.state, OWNERS))), pages]


async def compare(pipeline: PipelinedRedis, script: list[tuple[Any, ...]]) -> None:
    await pipeline.execute_command("FLUSHALL")
    real = RedisTimelineStore(
        pipeline, key_of=home_keys(2), scripts=Scripts(script_texts()), limits=SMALL, clock=SystemClock()
    )
    sides = [Side(MemoryTimelineStore(limits=SMALL, clock=SystemClock())), Side(real)]
    for operation in script:
        expected, answer = [await getattr(side, operation[0])(*operation[1:]) for side in sides]
        assert answer == expected, operation
        expected, answer = [await side.everything() for side in sides]
        assert answer == expected, operation


@settings(max_examples=200, deadline=None)
@given(script=st.lists(operations, min_size=5, max_size=40))
def test_redis_does_what_the_model_does(redis_server: Server, script: list[tuple[Any, ...]]) -> None:
    async def run() -> None:
        async with open_redis_pipeline(redis_server.url, at_most=timedelta(seconds=10)) as pipeline:
            await compare(pipeline, script)

    asyncio.run(run())
