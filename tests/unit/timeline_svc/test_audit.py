"""The auditor finds what is damaged, and takes nothing that is on its way for damage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import cycle

import pytest
from prometheus_client import CollectorRegistry

from mesh.background import background
from mesh.clock import FrozenClock
from mesh.errors import Unavailable
from tests.services.timeline_svc.world import World
from tests.support.wait_until import wait_until
from tests.unit.timeline_svc.asked_world import AskedGraph, AskedTweets
from timeline_svc.clients.outboxes import Outboxes
from timeline_svc.home.audit import Audited, Auditor, Verdict
from timeline_svc.home.errands import open_errands
from timeline_svc.home.oracle import HomeOwnership, ListOwnership, Oracle
from timeline_svc.home.rebuild import Rebuilder
from timeline_svc.metrics import TimelineMetrics
from timeline_svc.model import AuthorClass, Stretch, TimelineLimits
from timeline_svc.store.memory import MemoryTimelineStore

ANN, BOB, CYD, STAR = 101, 102, 103, 201
LIMITS = TimelineLimits(capacity=20, slack=5)
SETTLING = timedelta(seconds=0.05)


class Waiting(Outboxes):
    """What waits in the outboxes, and what happens just when they are asked: between the two looks."""

    def __init__(self) -> None:
        self.age = timedelta()
        self.is_away = False
        self.asked = asyncio.Event()
        self.answered = asyncio.Event()
        self.answered.set()

    async def oldest_age(self) -> timedelta:
        self.asked.set()
        await self.answered.wait()
        if self.is_away:
            raise Unavailable.backend("tweet")
        return self.age


class TwiceInIt(MemoryTimelineStore):
    """A store in which every id of a timeline is there twice until it is made anew."""

    async def contents(self, owner_id: int) -> Stretch | None:
        found = await super().contents(owner_id)
        if found is None or self._builds > 1:
            return found
        return Stretch([*found.ids, *found.ids], found.covers_to)


@dataclass
class Audits:
    """Timelines of one World, and who audits them."""

    world: World
    homes: MemoryTimelineStore
    lists: MemoryTimelineStore
    waiting: Waiting
    registry: CollectorRegistry
    is_another_server: bool = False
    auditor: Auditor = field(init=False)
    rebuilder: Rebuilder = field(init=False)

    async def is_emptied(self) -> bool:
        """As Redis is by its guard: timelines of another server are dropped, once."""
        was, self.is_another_server = self.is_another_server, False
        if was:
            await self.homes.drop(ANN)
        return was

    async def audit(self, owner_id: int) -> Verdict:
        return await self.auditor.audit(self.auditor.kinds[0], owner_id)

    async def audit_list(self, author_id: int) -> Verdict:
        return await self.auditor.audit(self.auditor.kinds[1], author_id)

    def counted(self) -> tuple[float, float, float]:
        """Missing, ghosts, duplicates."""
        missing, ghost, duplicate = (
            self.registry.get_sample_value(f"aviary_timeline_{kind}_total") or 0.0
            for kind in ("missing", "ghost", "duplicate")
        )
        return missing, ghost, duplicate

    async def home(self, owner_id: int) -> list[int] | None:
        found = await self.homes.contents(owner_id)
        return None if found is None else found.ids


async def a_world_of(store: type[MemoryTimelineStore]) -> AsyncIterator[Audits]:
    clock = FrozenClock()
    world = World(first_id=1_900_000_000_000_000_000)
    homes, lists = store(limits=LIMITS, clock=clock), MemoryTimelineStore(limits=LIMITS, clock=clock)
    audits = Audits(world, homes, lists, Waiting(), CollectorRegistry())
    metrics = TimelineMetrics(audits.registry)
    graph, tweets = AskedGraph(world), AskedTweets(world)
    async with open_errands() as errands:
        audits.rebuilder = Rebuilder(homes, graph, tweets, errands, metrics, LIMITS.capacity)
        audits.auditor = Auditor(
            [
                Audited(
                    "a timeline", Oracle(homes, HomeOwnership(graph, graph), tweets, tweets), audits.rebuilder.renew
                ),
                Audited("an author's list", Oracle(lists, ListOwnership(), tweets, tweets), lists.drop),
            ],
            audits.waiting,
            metrics,
            audits.is_emptied,
            per_minute=60_000,
            settling=SETTLING,
        )
        world.follow(ANN, BOB, CYD, STAR)
        world.classes[STAR] = AuthorClass.PULL
        for author in (BOB, CYD, STAR, ANN) * 3:
            world.post(author)
        await audits.rebuilder.build(ANN)
        yield audits


@pytest.fixture
async def audits() -> AsyncIterator[Audits]:
    """ANN's timeline is ready, of two pushed authors and her own; STAR is pulled."""
    async for audits in a_world_of(MemoryTimelineStore):
        yield audits


@pytest.fixture
async def audits_of_doubles() -> AsyncIterator[Audits]:
    async for audits in a_world_of(TwiceInIt):
        yield audits


async def test_a_healthy_timeline_is_equal(audits: Audits) -> None:
    assert await audits.audit(ANN) is Verdict.EQUAL
    assert audits.counted() == (0, 0, 0)
    assert not audits.waiting.asked.is_set()


async def test_a_timeline_that_is_absent_or_being_built_is_left_alone(audits: Audits) -> None:
    assert await audits.audit(BOB) is Verdict.ABSENT
    assert await audits.homes.begin_build(BOB)
    assert await audits.audit(BOB) is Verdict.ABSENT


async def test_a_missing_id_is_counted_and_mended(audits: Audits) -> None:
    before = await audits.home(ANN)
    assert before
    await audits.homes.remove(before[2:5], ANN)
    assert await audits.audit(ANN) is Verdict.REPAIRED
    assert audits.counted() == (3, 0, 0)
    assert await audits.home(ANN) == before
    assert await audits.audit(ANN) is Verdict.EQUAL
    assert audits.counted() == (3, 0, 0)


async def test_ghosts_are_counted_and_mended(audits: Audits) -> None:
    before = await audits.home(ANN)
    await audits.homes.push(audits.world.post(999), [ANN])
    await audits.homes.push(audits.world.new_id(), [ANN])
    assert await audits.audit(ANN) is Verdict.REPAIRED
    assert audits.counted() == (0, 2, 0)
    assert await audits.home(ANN) == before


async def test_ids_that_are_there_twice_are_counted_and_mended(audits_of_doubles: Audits) -> None:
    assert await audits_of_doubles.audit(ANN) is Verdict.REPAIRED
    assert audits_of_doubles.counted() == (0, 0, 9)
    assert await audits_of_doubles.audit(ANN) is Verdict.EQUAL


async def test_what_pages_bear_is_no_ghost(audits: Audits) -> None:
    """Deleted tweets, which readers remove, and ids of an author from before the class was PULL."""
    gone = audits.world.post(BOB)
    await audits.homes.push(gone, [ANN])
    audits.world.deleted.add(gone)
    await audits.homes.push(audits.world.post(STAR), [ANN])
    assert await audits.audit(ANN) is Verdict.EQUAL


async def test_ids_below_the_floor_are_not_missing(audits: Audits) -> None:
    for tweet_id in audits.world.post_many(BOB, 40)[::-1]:
        await audits.homes.push(tweet_id, [ANN])
    assert (await audits.homes.state(ANN)).floor > 0
    assert await audits.audit(ANN) is Verdict.EQUAL


async def test_ids_that_a_trim_takes_out_between_the_questions_are_not_missing(audits: Audits) -> None:
    class PushedMeanwhile(AskedTweets):
        async def newest_ids(
            self, author_ids: Collection[int], *, limit: int, below: int = 0, above: int = 0
        ) -> dict[int, list[int]]:
            found = await super().newest_ids(author_ids, limit=limit, below=below, above=above)
            for tweet_id in audits.world.post_many(BOB, 40)[::-1]:
                await audits.homes.push(tweet_id, [ANN])
            return found

    oracle = replace(audits.auditor.kinds[0].oracle, tweets=PushedMeanwhile(audits.world))
    found = await oracle.differences(ANN)
    assert found is not None
    assert found.are_none
    assert (await audits.homes.state(ANN)).floor > 0


async def test_a_tweet_that_arrives_meanwhile_was_never_missing(audits: Audits) -> None:
    late = audits.world.post(BOB)
    audits.waiting.answered.clear()
    async with asyncio.TaskGroup() as tasks:
        verdict = tasks.create_task(audits.audit(ANN))
        await wait_until(audits.waiting.asked.is_set)
        await audits.homes.push(late, [ANN])
        even_later = audits.world.post(CYD)
        audits.waiting.answered.set()
    assert verdict.result() is Verdict.EQUAL
    assert audits.counted() == (0, 0, 0)
    assert even_later not in (await audits.home(ANN) or [])


async def test_while_old_events_wait_nothing_counts(audits: Audits) -> None:
    audits.world.post(BOB)
    audits.waiting.age = SETTLING / 2
    assert await audits.audit(ANN) is Verdict.UNSETTLED
    audits.waiting.age = SETTLING / 2 - timedelta(milliseconds=1)
    assert await audits.audit(ANN) is Verdict.REPAIRED


async def test_while_an_outbox_cannot_be_asked_nothing_counts(audits: Audits) -> None:
    audits.world.post(BOB)
    audits.waiting.is_away = True
    with pytest.raises(Unavailable):
        await audits.audit(ANN)
    assert audits.counted() == (0, 0, 0)


async def test_what_another_server_lacks_does_not_count(audits: Audits) -> None:
    """Both looks may come before the guard of Redis has noticed that a replica took its place."""
    await audits.homes.remove((await audits.home(ANN) or [])[:1], ANN)
    audits.is_another_server = True
    assert await audits.audit(ANN) is Verdict.UNSETTLED
    assert audits.counted() == (0, 0, 0)
    assert await audits.audit(ANN) is Verdict.ABSENT


async def test_a_follow_that_changes_meanwhile_leaves_it_open(audits: Audits) -> None:
    """Unfollowed and followed again: the same ids are missing at both looks, and on their way at the second."""
    theirs = audits.world.tweet_ids([BOB])
    await audits.homes.unmerge(theirs, ANN)
    audits.waiting.answered.clear()
    async with asyncio.TaskGroup() as tasks:
        verdict = tasks.create_task(audits.audit(ANN))
        await wait_until(audits.waiting.asked.is_set)
        audits.world.unfollow(ANN, BOB)
        audits.world.follow(ANN, BOB)
        audits.waiting.answered.set()
    assert verdict.result() is Verdict.UNSETTLED
    assert audits.counted() == (0, 0, 0)


async def test_an_author_on_the_way_between_classes_need_not_be_there(audits: Audits) -> None:
    audits.world.classes[STAR] = AuthorClass.BOTH
    assert await audits.audit(ANN) is Verdict.EQUAL
    audits.world.classes[STAR] = AuthorClass.PUSH
    assert await audits.audit(ANN) is Verdict.REPAIRED
    assert audits.counted() == (3, 0, 0)


async def test_a_timeline_that_goes_meanwhile_is_built_by_its_next_reader(audits: Audits) -> None:
    audits.world.post(BOB)
    audits.waiting.answered.clear()
    async with asyncio.TaskGroup() as tasks:
        verdict = tasks.create_task(audits.audit(ANN))
        await wait_until(audits.waiting.asked.is_set)
        await audits.homes.drop(ANN)
        audits.waiting.answered.set()
    assert verdict.result() is Verdict.ABSENT


async def test_a_mistake_of_the_merge_is_not_shared_by_the_audit(audits: Audits) -> None:
    """A build that takes too few ids of each author, and says that nothing is missing."""

    class Careless(Rebuilder):
        async def merge(self, owner_id: int) -> Stretch:
            whole = await super().merge(owner_id)
            return Stretch(whole.ids[::2], 0)

    await audits.homes.drop(ANN)
    old = audits.rebuilder
    await Careless(old.store, old.graph, old.tweets, old.errands, old.metrics, old.capacity).build(ANN)
    assert await audits.audit(ANN) is Verdict.REPAIRED
    assert audits.counted()[0] == 4


async def test_an_authors_list_is_dropped_where_it_lacks_an_id(audits: Audits) -> None:
    generation = await audits.lists.begin_build(STAR)
    assert generation
    await audits.lists.finish_build(STAR, generation, audits.world.tweet_ids([STAR]), floor=0)
    assert await audits.audit_list(STAR) is Verdict.EQUAL
    await audits.lists.remove(audits.world.tweet_ids([STAR])[:1], STAR)
    await audits.lists.push(audits.world.post(BOB), [STAR])
    assert await audits.audit_list(STAR) is Verdict.REPAIRED
    assert audits.counted() == (1, 1, 0)
    assert await audits.lists.contents(STAR) is None


async def test_the_loop_finds_a_damaged_timeline_by_itself(audits: Audits) -> None:
    before = await audits.home(ANN)
    assert before
    await audits.homes.remove(before[:1], ANN)

    async def is_mended() -> bool:
        return await audits.home(ANN) == before

    async with background(audits.auditor.run(), name="the auditor"):
        await wait_until(lambda: audits.counted() == (1, 0, 0))
        await wait_until(is_mended)


async def test_the_loop_goes_on_after_any_failure(audits: Audits) -> None:
    failures = cycle([ValueError("a member that is no id"), Unavailable.backend("Redis")])

    class Failing(MemoryTimelineStore):
        async def some_owner(self) -> int | None:
            raise next(failures)

    failing = Failing(limits=LIMITS, clock=FrozenClock())
    oracle = audits.auditor.kinds[0].oracle
    broken = Audited("broken", Oracle(failing, oracle.ownership, oracle.tweets, oracle.bodies), failing.drop)
    auditor = replace(audits.auditor, kinds=[broken])
    labels = {"outcome": "failed"}
    async with background(auditor.run(), name="the auditor"):
        await wait_until(lambda: (audits.registry.get_sample_value("aviary_timeline_audits_total", labels) or 0) >= 4)


async def test_none_a_minute_is_none(audits: Audits) -> None:
    auditor = replace(audits.auditor, per_minute=0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await auditor.run()
    assert not audits.registry.get_sample_value("aviary_timeline_audits_total", {"outcome": "equal"})
