"""What auditors and operators read: all of a timeline, and some timeline, without keeping any of them alive."""

from __future__ import annotations

from datetime import timedelta

from mesh.clock import FrozenClock
from mesh.storage.redis_pipeline import PipelinedRedis
from tests.conformance.timeline_store.cases import ANN, BOB, CYD, ID, SMALL, Make, ids, ready
from timeline_svc.model import Stretch, TimelineLimits
from timeline_svc.store.memory import MemoryTimelineStore
from timeline_svc.store.redis import RedisTimelineStore, Scripts, author_key, home_keys, member, script_texts

LOOKS = 200


async def test_contents_are_all_ids_down_to_the_floor(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, *range(5, 17), floor=ID + 5)
    assert await store.contents(ANN) == Stretch(ids(*range(16, 4, -1)), ID + 5)
    await ready(store, BOB)
    assert await store.contents(BOB) == Stretch([], 0)


async def test_there_are_no_contents_of_what_is_absent_or_being_built(make: Make) -> None:
    store = make(SMALL)
    assert await store.contents(ANN) is None
    assert await store.begin_build(ANN)
    await store.push(ID, [ANN])
    assert await store.contents(ANN) is None


async def test_every_owner_comes_up_and_no_other(make: Make) -> None:
    store = make(SMALL)
    assert await store.some_owner() is None
    await ready(store, ANN, 1)
    await ready(store, BOB)
    assert await store.begin_build(CYD)
    assert {await store.some_owner() for _ in range(LOOKS)} == {ANN, BOB, CYD}
    await store.drop(CYD)
    await store.drop(ANN)
    assert {await store.some_owner() for _ in range(10)} == {BOB}


async def test_contents_keep_nothing_alive_in_memory() -> None:
    clock = FrozenClock()
    store = MemoryTimelineStore(limits=TimelineLimits(expires=timedelta(days=2)), clock=clock)
    await ready(store, ANN, 1)
    for _ in range(2):
        await store.contents(ANN)
        assert await store.some_owner() == ANN
        clock.advance(timedelta(days=1))
    assert await store.contents(ANN) is None


async def test_contents_keep_nothing_alive_in_redis(pipeline: PipelinedRedis) -> None:
    store = in_redis(pipeline)
    await ready(store, ANN, 1)
    key = home_keys(16)(ANN)[1]
    await pipeline.execute_command("PEXPIRE", key, 5_000)
    await store.contents(ANN)
    await store.some_owner()
    assert await pipeline.execute_command("PTTL", key) <= 5_000


async def test_owners_are_found_among_other_keys_and_by_kind(pipeline: PipelinedRedis) -> None:
    homes = in_redis(pipeline)
    lists = RedisTimelineStore(
        pipeline, key_of=author_key, scripts=Scripts(script_texts()), limits=SMALL, clock=FrozenClock()
    )
    for number in range(3_000):
        await pipeline.execute_command("SET", f"tweet:{number}", "x")
    await ready(homes, ANN, 1)
    await ready(lists, BOB, 1)
    for _ in range(20):
        assert await homes.some_owner() == ANN
        assert await lists.some_owner() == BOB


async def test_every_owner_of_many_comes_up_wherever_redis_keeps_the_key(pipeline: PipelinedRedis) -> None:
    homes = in_redis(pipeline)
    for number in range(5_000):
        await pipeline.execute_command("SET", f"tweet:{number}", "x")
    owners = set(range(1, 201))
    for owner_id in owners:
        await ready(homes, owner_id)
    assert {await homes.some_owner() for _ in range(4_000)} == owners


async def test_a_damaged_timeline_shows_its_damage(pipeline: PipelinedRedis) -> None:
    store = in_redis(pipeline)
    await ready(store, ANN, 3)
    await pipeline.execute_command("ZADD", home_keys(16)(ANN)[1], 0, f"0{member(ID + 3)}")
    assert await store.contents(ANN) == Stretch([ID + 3, ID + 3], 0)


def in_redis(pipeline: PipelinedRedis) -> RedisTimelineStore:
    return RedisTimelineStore(
        pipeline, key_of=home_keys(16), scripts=Scripts(script_texts()), limits=SMALL, clock=FrozenClock()
    )
