"""What only the Redis store has: names of keys, marks, expiry, scripts that Redis may forget, and Redis being away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from redis.asyncio import Redis

from mesh.clock import FrozenClock
from mesh.errors import Unavailable
from mesh.storage.redis_pipeline import PipelinedRedis, open_redis_pipeline
from tests.support.free_ports import free_row
from tests.support.servers import start_redis
from timeline_svc.model import Status, TimelineLimits, TimelineState
from timeline_svc.store import TimelineStore
from timeline_svc.store.redis import RedisTimelineStore, Scripts, author_key, home_keys, script_texts
from timeline_svc.store.redis.members import floor_of, id_of

ID = 1_900_000_000_000_000_000
ANN = 101
DAY = 86_400_000
LIMITS = TimelineLimits(capacity=10, slack=3, expires=timedelta(days=2))


def a_store(pipeline: PipelinedRedis, clock: FrozenClock) -> TimelineStore:
    return RedisTimelineStore(
        pipeline, key_of=home_keys(16), scripts=Scripts(script_texts()), limits=LIMITS, clock=clock
    )


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def store(pipeline: PipelinedRedis, clock: FrozenClock) -> TimelineStore:
    return a_store(pipeline, clock)


@pytest.fixture
async def store_without_redis(clock: FrozenClock) -> AsyncIterator[TimelineStore]:
    async with open_redis_pipeline(f"redis://127.0.0.1:{free_row(1)}/0") as nobody:
        yield a_store(nobody, clock)


async def build(store: TimelineStore, owner_id: int, *numbers: int, floor: int = 0) -> None:
    generation = await store.begin_build(owner_id)
    assert generation
    await store.finish_build(owner_id, generation, [ID + number for number in numbers], floor=floor)


def test_the_hash_tag_of_a_home_timeline_is_its_shard_and_of_an_author_the_author() -> None:
    shard, key = home_keys(16)(ANN)
    assert key == f"tl:{{{shard}}}:101"
    assert 0 <= shard < 16
    assert len({home_keys(16)(owner)[0] for owner in range(1_000)}) == 16
    assert author_key(ANN) == (ANN, "author:{101}")


async def test_a_timeline_is_one_key_with_one_mark_whatever_happens(store: TimelineStore, redis: Redis) -> None:
    await build(store, ANN, *range(12))
    for number in range(12, 40):
        await store.push(ID + number, [ANN])
    await store.merge([ID + 35], [ANN], complete_from=ID + 35)
    keys = await redis.keys()
    assert keys == [home_keys(16)(ANN)[1].encode()]
    members: list[tuple[bytes, float]] = await redis.zrange(keys[0], 0, -1, withscores=True)  # type: ignore[assignment]  # bytes and scores
    assert [score for _, score in members] == [0.0] * len(members)
    mark, *ids = [entry for entry, _ in members]
    assert floor_of(mark) == ID + 35
    assert [id_of(entry) for entry in ids] == [ID + number for number in range(39, 34, -1)]


async def test_a_timeline_is_never_packed_into_a_list(store: TimelineStore, redis: Redis) -> None:
    key = home_keys(16)(ANN)[1]

    async def encoding() -> bytes:
        return cast("bytes", await redis.object("encoding", key))

    generation = await store.begin_build(ANN)
    assert generation
    assert await encoding() == b"skiplist"
    await store.finish_build(ANN, generation, [ID], floor=0)
    assert await encoding() == b"skiplist"
    await store.merge([ID + 1], [ANN], complete_from=ID + 1)
    assert await encoding() == b"skiplist"
    for number in range(2, 20):
        await store.push(ID + number, [ANN])
    assert await encoding() == b"skiplist"
    # As from an RDB file, or on a replica: Redis decides anew.
    copy = cast("bytes", await redis.dump(key))
    await redis.restore(key, 0, copy, replace=True)
    assert await encoding() == b"skiplist"
    assert (await store.state(ANN)).status is Status.READY


async def test_a_merge_that_leaves_nothing_keeps_the_expiry(store: TimelineStore, redis: Redis) -> None:
    await build(store, ANN, 1)
    await store.merge([], [ANN], complete_from=ID + 5)
    assert await store.state(ANN) == TimelineState(Status.READY, ID + 5)
    assert 0 < await redis.pttl(home_keys(16)(ANN)[1]) <= 2 * DAY


async def test_a_build_gets_the_full_expiry_only_when_it_is_finished(store: TimelineStore, redis: Redis) -> None:
    key = home_keys(16)(ANN)[1]
    generation = await store.begin_build(ANN)
    assert generation
    await store.push(ID, [ANN])
    assert await store.page(ANN, below=0, limit=5) is None
    assert 0 < await redis.pttl(key) <= 30_000
    await store.finish_build(ANN, generation, [], floor=0)
    assert await redis.pttl(key) > 1.9 * DAY


async def test_a_read_renews_the_expiry_once_an_hour_and_a_write_never(
    store: TimelineStore, redis: Redis, clock: FrozenClock
) -> None:
    key = home_keys(16)(ANN)[1]
    await build(store, ANN, 1)
    await redis.pexpire(key, DAY)
    await store.push(ID + 2, [ANN])
    await store.merge([ID + 3], [ANN], complete_from=0)
    assert await redis.pttl(key) <= DAY
    await store.page(ANN, below=0, limit=5)
    assert await redis.pttl(key) > DAY
    await redis.pexpire(key, DAY)
    clock.advance(timedelta(minutes=59))
    await store.page(ANN, below=0, limit=5)
    await store.pages([ANN], below=0, limit=5)
    assert await redis.pttl(key) <= DAY
    clock.advance(timedelta(minutes=1))
    await store.pages([ANN], below=ID + 2, limit=5)
    assert await redis.pttl(key) > DAY


async def test_scripts_that_redis_forgot_are_loaded_again(store: TimelineStore, redis: Redis) -> None:
    owners = list(range(1, 60))
    for owner_id in owners:
        await build(store, owner_id)
    await redis.script_flush()
    assert await store.push(ID, owners) == len(owners)
    await redis.script_flush()
    page = await store.page(owners[0], below=ID + 1, limit=5)
    assert page is not None
    assert page.ids == [ID]


async def test_without_redis_every_call_says_unavailable(store_without_redis: TimelineStore) -> None:
    store = store_without_redis
    for call in (
        store.state(ANN),
        store.page(ANN, below=0, limit=5),
        store.pages([ANN], below=0, limit=5),
        store.push(ID, [ANN, 1, 2]),
        store.merge([ID], [ANN], complete_from=0),
        store.unmerge([ID], ANN),
        store.remove([ID], ANN),
        store.drop(ANN),
        store.begin_build(ANN),
        store.finish_build(ANN, "x", [], floor=0),
    ):
        with pytest.raises(Unavailable):
            await call


async def test_a_redis_that_was_lost_is_asked_again_at_once(tmp_path: Path, clock: FrozenClock) -> None:
    with start_redis(tmp_path / "redis") as server:
        async with open_redis_pipeline(server.url, at_most=timedelta(seconds=5)) as pipeline:
            store = a_store(pipeline, clock)
            server.kill()
            with pytest.raises(Unavailable):
                await store.page(ANN, below=0, limit=5)
            server.start()
            assert await store.page(ANN, below=0, limit=5) is None
