"""The auditor in the role `work`, over a real NATS and a real Redis: damage by hand, and timelines only busy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from random import Random

import pytest
from redis.asyncio import Redis

from mesh.clock import SystemClock
from tests.services.timeline_svc.conftest import Home
from tests.services.timeline_svc.neighbours import Traffic
from tests.services.timeline_svc.owners import Owners
from tests.services.timeline_svc.world import World
from tests.support.running import RunningService, running
from tests.support.wait_until import wait_until
from timeline_svc.app import open_service
from timeline_svc.config import TimelineConfig
from timeline_svc.model import AuthorClass
from timeline_svc.store import TimelineStore
from timeline_svc.store.redis import home_keys, member

ANN, BOB, CYD, STAR = 101, 102, 103, 201
POSTS = 60


@dataclass(frozen=True)
class Auditing:
    """A worker that audits a hundred times a second, and its figures."""

    worker: RunningService

    def figure(self, name: str, **labels: str) -> float:
        return self.worker.service.metrics.registry.get_sample_value(f"aviary_timeline_{name}_total", labels) or 0.0

    def counted(self) -> tuple[float, float, float]:
        return self.figure("missing"), self.figure("ghost"), self.figure("duplicate")


@pytest.fixture
async def auditing(config: TimelineConfig, nats_url: str) -> AsyncIterator[Auditing]:
    mesh = replace(config.mesh, bus_url=nats_url)
    eager = replace(config, mesh=mesh, audits_per_minute=6_000, audit_settling_seconds=1)
    async with open_service(eager) as service, running(service, role="work") as worker:
        yield Auditing(worker)


@pytest.fixture
def crowd(world: World) -> World:
    """ANN follows two authors who are pushed and one who is pulled; all have posted."""
    world.classes[STAR] = AuthorClass.PULL
    world.follow(ANN, BOB, CYD, STAR)
    for author in (BOB, CYD, STAR, ANN) * 5:
        world.post(author)
    return world


async def test_damage_by_hand_is_found_counted_and_mended(
    home: Home, crowd: World, redis: Redis, homes: TimelineStore, auditing: Auditing
) -> None:
    expected = crowd.home(ANN)
    await home.read(ANN)
    before = await homes.contents(ANN)
    assert before
    _, key = home_keys(16)(ANN)
    stranger = crowd.post(999)
    assert await redis.zrem(key, *(member(tweet_id) for tweet_id in before.ids[:2])) == 2
    await redis.zadd(key, {member(stranger): 0, f"0{member(before.ids[3])}": 0})
    await wait_until(lambda: auditing.counted() == (2, 1, 1))

    async def is_mended() -> bool:
        return await homes.contents(ANN) == before

    await wait_until(is_mended)
    assert await home.walk(ANN, page_size=7) == expected
    equal = auditing.figure("audits", outcome="equal")
    await wait_until(lambda: auditing.figure("audits", outcome="equal") > equal + 5)
    assert auditing.counted() == (2, 1, 1)


async def test_an_authors_list_that_lacks_an_id_is_made_anew(
    home: Home, crowd: World, lists: TimelineStore, auditing: Auditing
) -> None:
    expected = crowd.home(ANN)
    assert await home.ids(ANN) == expected

    async def stored() -> list[int] | None:
        found = await lists.contents(STAR)
        return found.ids if found else None

    async def is_whole() -> bool:
        return await stored() == crowd.tweet_ids([STAR])

    await wait_until(is_whole)
    await lists.remove(crowd.tweet_ids([STAR])[:1], STAR)
    assert await home.ids(ANN) != expected
    await wait_until(lambda: auditing.counted() == (1, 0, 0))
    assert await home.ids(ANN) == expected


async def test_timelines_that_are_only_busy_count_nothing(
    home: Home, crowd: World, owners: Owners, auditing: Auditing, homes: TimelineStore
) -> None:
    """Events come up to half a second after the write that they announce; follows and unfollows among them."""
    chance = Random(7)
    for reader in (ANN, BOB, CYD):
        await home.read(reader)

    async def post(author_id: int) -> None:
        tweet_id = crowd.post(author_id)
        crowd.waiting[tweet_id] = SystemClock().now_us()
        await asyncio.sleep(chance.random() / 2)
        await owners.posted(tweet_id, author_id)

    async def change_edge(number: int) -> None:
        event_id = crowd.new_id()
        (crowd.unfollow if number % 2 else crowd.follow)(BOB, CYD)
        crowd.waiting[event_id] = SystemClock().now_us()
        await asyncio.sleep(chance.random() / 2)
        await owners.edge_changed(BOB, CYD, event_id=event_id)

    async with asyncio.TaskGroup() as tasks:
        for number in range(POSTS):
            tasks.create_task(post(chance.choice([ANN, BOB, CYD])))
            if number % 6 == 0:
                tasks.create_task(change_edge(number // 6))
            await asyncio.sleep(0.05)
    await wait_until(lambda: not crowd.waiting)
    equal = auditing.figure("audits", outcome="equal")
    await wait_until(lambda: auditing.figure("audits", outcome="equal") > equal + 5)
    assert auditing.counted() == (0, 0, 0)
    assert auditing.figure("audits", outcome="repaired") == 0
    for reader in (ANN, BOB, CYD):
        stored = await homes.contents(reader)
        assert stored
        pulled = crowd.tweet_ids([STAR]) if reader == ANN else []
        assert sorted([*stored.ids, *pulled], reverse=True) == crowd.home(reader)


async def test_while_events_wait_for_long_what_is_missing_does_not_count(
    home: Home, crowd: World, homes: TimelineStore, auditing: Auditing, traffic: Traffic
) -> None:
    await home.read(ANN)
    late = crowd.post(BOB)
    crowd.waiting[late] = SystemClock().now_us()
    await wait_until(lambda: auditing.figure("audits", outcome="unsettled") >= 2)
    assert traffic.calls["GetOutboxAge"] >= 4  # both owners each time
    assert auditing.counted() == (0, 0, 0)
    crowd.waiting.clear()  # given up: a dead letter
    await wait_until(lambda: auditing.counted() == (1, 0, 0))

    async def is_mended() -> bool:
        stored = await homes.contents(ANN)
        return stored is not None and late in stored.ids

    await wait_until(is_mended)
