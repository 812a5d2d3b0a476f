"""Workers, builders and readers of timelines against each other: late, repeated, interleaved at every call, and killed.

Whatever happens, a timeline that is READY once all is quiet holds every id from its floor up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from aviary.events.v1.events_pb2 import FanoutJob
from mesh.clock import FrozenClock
from mesh.events.consume import NotYet
from mesh.events.memory import MemoryBus
from mesh.metrics import Metrics
from tests.services.timeline_svc.world import World
from tests.unit.timeline_svc.asked_world import AskedGraph, AskedTweets
from tests.unit.timeline_svc.gates import GatedGraph, GatedStore, GatedTweets, Gates, settle
from timeline_svc.fanout.backfill import Backfill
from timeline_svc.fanout.deliver import Fanout, chain
from timeline_svc.home.errands import Errands
from timeline_svc.home.oracle import HomeOwnership, Oracle
from timeline_svc.home.rebuild import Rebuilder
from timeline_svc.metrics import TimelineMetrics
from timeline_svc.model import AuthorClass, Status, TimelineLimits
from timeline_svc.store.memory import MemoryFanoutRecords, MemoryTimelineStore

USERS = range(1, 8)
LIMITS = TimelineLimits(capacity=10, slack=3)
MOST_IDS_OF_AN_AUTHOR = 6
FOLLOWERS_PER_PAGE = 2
MOST_AT_ONCE = 8
STEPS_BETWEEN_CHECKS = 60


@dataclass(frozen=True)
class Parts:
    """What a simulation is made of; a test puts a broken one in to see ids go missing."""

    store: type[MemoryTimelineStore] = MemoryTimelineStore
    rebuilder: type[Rebuilder] = Rebuilder
    backfill: type[Backfill] = Backfill


@dataclass(frozen=True)
class Work:
    """Something that is delivered at least once: a tweet, an edge, an author's return to PUSH, or a chained job."""

    tweet_id: int = 0
    edge: tuple[int, int] = (0, 0)
    returning: FanoutJob | None = None
    job: bytes = b""


class Simulation:
    """One run, repeatable by its seed."""

    def __init__(self, seed: int, parts: Parts) -> None:
        self.chance = Random(seed)
        self.world = World(first_id=1_900_000_000_000_000_000)
        self.clock = FrozenClock()
        self.missing: list[str] = []
        self.audited: list[int] = []
        self.checked = 0
        self._store = parts.store(limits=LIMITS, clock=self.clock)
        self._gates = Gates(self.chance)
        self._bus = MemoryBus()
        self._errands = Errands(1_000)
        self._pending: list[Work] = []
        self._running: dict[asyncio.Task[None], Work | None] = {}
        self._rising: dict[int, set[asyncio.Task[object]]] = {}
        self._returning: dict[int, int] = {}
        self._last_edge = (1, 2)
        self._focus = 1
        homes = GatedStore(self._store, self._gates)
        graph = GatedGraph(self.world, self._gates, followers_per_page=FOLLOWERS_PER_PAGE)
        tweets = GatedTweets(self.world, self._gates)
        metrics = TimelineMetrics()
        self._homes = homes
        self._rebuilder = parts.rebuilder(homes, graph, tweets, self._errands, metrics, LIMITS.capacity)
        lists = MemoryTimelineStore(limits=LIMITS, clock=self.clock)
        asked, written = AskedGraph(self.world), AskedTweets(self.world)
        self._oracle = Oracle(self._store, HomeOwnership(asked, asked), written, written)
        self._fanout = Fanout(graph, homes, lists, self._bus, self.clock, Metrics(), metrics, MemoryFanoutRecords())
        self._backfill = parts.backfill(graph, tweets, homes, self._bus, MOST_IDS_OF_AN_AUTHOR)

    async def run(self, rounds: int) -> None:
        """Rounds of random steps, each with a check at its end, up to the first id that is missing."""
        self._jobs = await self._bus.subscribe("timeline", ["job.fanout.*"])
        for _ in range(rounds):
            self._focus = self.chance.choice(USERS)
            self._lose(self._focus)
            for _ in range(STEPS_BETWEEN_CHECKS):
                await self._step()
            await self._quiet()
            await self._check()
            if self.missing:
                break
        await self._errands.end()

    async def _step(self) -> None:
        chance = self.chance.random()
        if chance < 0.60:
            await self._gates.open_one()
        elif chance < 0.70:
            self._post(self.chance.choice((*USERS, self._last_edge[1], self._focus, self._focus)))
        elif chance < 0.82:
            self._change_edge()
        elif chance < 0.92:
            self._start(None, self._read(self._someone()))
        elif chance < 0.93:
            self._kill()
        elif chance < 0.95:
            self._change_class(self.chance.choice(USERS))
        elif chance < 0.98:
            self._lose(self._someone())
        elif chance < 0.99:
            self.clock.advance(timedelta(seconds=self.chance.choice((1, 6, 31))))
        else:
            await self._delete()
        await self._tick()

    def _someone(self) -> int:
        """Often the one that this round is about, so that much happens to one timeline at a time."""
        return self._focus if self.chance.random() < 0.6 else self.chance.choice(USERS)

    def _post(self, author_id: int) -> None:
        self._pending.append(Work(tweet_id=self.world.post(author_id)))

    def _change_edge(self) -> None:
        if self.chance.random() < 0.5:  # often it is somebody who cannot decide
            follower_id = self._someone()
            self._last_edge = follower_id, self.chance.choice([user for user in USERS if user != follower_id])
        follower_id, followee_id = self._last_edge
        if self.world.follows(follower_id, followee_id):
            self.world.unfollow(follower_id, followee_id)
        else:
            self.world.follow(follower_id, followee_id)
        self._pending.append(Work(edge=(follower_id, followee_id)))

    def _change_class(self, author_id: int) -> None:
        match self.world.class_of(author_id):
            case AuthorClass.PUSH:
                self.world.classes[author_id] = AuthorClass.BOTH
                # Who read the class before must be done before PULL: in life, BOTH lasts a minute.
                self._rising[author_id] = {*self._running, *self._builds()}
            case AuthorClass.PULL:
                self.world.classes[author_id] = AuthorClass.BOTH
                job = FanoutJob(author_user_id=author_id, event_id=self.world.new_id())
                self._returning[author_id] = job.event_id
                self._pending.append(Work(returning=job))
            case AuthorClass.BOTH:
                """It is on its way."""

    def _lose(self, owner_id: int) -> None:
        if self.chance.random() < 0.1:
            self._store.forget_all()
        else:
            self._store.forget(owner_id)

    async def _delete(self) -> None:
        if self.world.authors:
            tweet_id = self.chance.choice(list(self.world.authors))
            self.world.deleted.add(tweet_id)
            await self._store.remove([tweet_id], self.chance.choice(USERS))

    def _kill(self) -> None:
        tasks = [*self._running, *self._builds()]
        if tasks:
            self.chance.choice(tasks).cancel()

    async def _tick(self) -> None:
        """Hand out work, take back what ended, and let classes move on."""
        await settle()
        for delivery in await self._jobs.fetch(limit=64, wait=timedelta()):
            self._pending.append(Work(job=delivery.payload))
            await delivery.ack()
        for task, work in list(self._running.items()):
            if task.done():
                del self._running[task]
                self._take_back(task, work)
        for author_id, before in list(self._rising.items()):
            if all(task.done() for task in before):
                self.world.classes[author_id] = AuthorClass.PULL
                del self._rising[author_id]
        if self._pending and len(self._running) < MOST_AT_ONCE and self.chance.random() < 0.5:
            work = self._pending.pop(self.chance.randrange(len(self._pending)))
            self._start(work, self._do(work))

    def _take_back(self, task: asyncio.Task[None], work: Work | None) -> None:
        failure = None if task.cancelled() else task.exception()
        if failure is not None and not isinstance(failure, NotYet):
            raise failure
        is_done = failure is None and not task.cancelled()
        if work is not None and (not is_done or self.chance.random() < 0.1):
            self._pending.append(work)

    def _start(self, work: Work | None, doing: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(doing)
        self._running[task] = work

    async def _do(self, work: Work) -> None:
        if work.tweet_id:
            author_id = self.world.authors[work.tweet_id]
            await self._fanout.begin(tweet_id=work.tweet_id, author_id=author_id, event_id=work.tweet_id)
        elif work.returning is not None:
            await chain(self._bus, work.returning, after_edge_id=0)
        elif work.job:
            await self._do_job(FanoutJob.FromString(work.job))
        else:
            await self._backfill.match(*work.edge)

    async def _do_job(self, job: FanoutJob) -> None:
        if job.tweet_id:
            await self._fanout.go_on(job)
        elif await self._backfill.catch_up(job) and self._returning.get(job.author_user_id) == job.event_id:
            del self._returning[job.author_user_id]
            self.world.classes[job.author_user_id] = AuthorClass.PUSH

    async def _read(self, owner_id: int) -> None:
        if await self._homes.page(owner_id, below=0, limit=5) is None:
            await self._rebuilder.build(owner_id)

    def _builds(self) -> list[asyncio.Task[object]]:
        return list(self._rebuilder._running.values())

    async def _quiet(self) -> None:
        """Until every piece of work is done and nobody runs."""
        for count in range(100_000):
            if not (self._pending or self._running or self._builds()):
                return
            await self._gates.open_one()
            await self._tick()
            if count % 500 == 499:
                self.clock.advance(timedelta(seconds=31))
        raise AssertionError(f"no quiet: {self._pending} {self._running}")

    async def _check(self) -> None:
        for owner_id in USERS:
            state = await self._store.state(owner_id)
            page = await self._store.page(owner_id, below=0, limit=10_000)
            if state.status is not Status.READY or page is None:
                continue
            pushed = [
                other for other in self.world.followees(owner_id) if self.world.class_of(other) is not AuthorClass.PULL
            ]
            expected = self.world.tweet_ids([owner_id, *pushed], above=max(0, state.floor - 1))
            self.checked += len(expected)
            self.missing += [
                f"{tweet_id} of {self.world.authors[tweet_id]} in the timeline of {owner_id}, floor {state.floor}"
                for tweet_id in expected
                if tweet_id not in page.ids
            ]
            found = await self._oracle.differences(owner_id)
            self.audited += found.missing if found else ()
