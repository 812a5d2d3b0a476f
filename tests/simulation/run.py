"""One run of one seed: users and faults, then the healing, then what everybody reads against what they did."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

from aviary.graph.v1.graph_service_pb2 import ListFollowersRequest, ListFollowingRequest
from aviary.tweet.v1.tweet_service_pb2 import ListUserTweetsRequest
from mesh.caller import Caller
from mesh.errors import MeshError
from tests.simulation.faults import Faults, Process
from tests.simulation.history import History
from tests.simulation.nemesis import Nemesis
from tests.simulation.network import HandlerFailed, Stub
from tests.simulation.services import WORKERS, SimulatedMesh
from tests.simulation.users import User
from tests.simulation.virtual_time import LeftTheSimulation, NeverQuiet, VirtualLoop
from views.cache import TTL_SECONDS

FEWEST_OPERATIONS = 30
# Seconds between two operations of a user: in a quick run all race, in a slow one classes change in its middle.
PACES, SLOW_PACES = (0.1, 0.3, 2.0), (0.3, 1.5, 2.5)
LONGEST_UNREST = 150.0
EVERYTHING = 100
FOLLOWED_FROM_THE_START = 0.5


@dataclass(frozen=True)
class Result:
    """`findings` is empty when every promise was kept."""

    seed: int
    findings: list[str]
    lines: list[str]
    operations: int
    users: int
    faults: Counter[str]
    seconds: float


def run_seed(seed: int) -> Result:
    """The same seed gives the same result, line by line."""
    loop = VirtualLoop()
    run = _Run(seed, loop)
    try:
        loop.run_until_complete(run.run())
    except (NeverQuiet, MeshError) as failure:
        run.history.find(loop.time(), f"{type(failure).__name__}: {failure}")
    loop.run_until_complete(run.end())
    loop.close()
    return run.result()


class _Run:
    def __init__(self, seed: int, loop: VirtualLoop) -> None:
        self._seed = seed
        self._loop = loop
        self.history = History()
        chance = Random(seed)
        names = [f"user{number}" for number in range(chance.randint(5, 7))]
        self._faults = Faults(Random(chance.random()), loop)
        # With the low one, whoever three follow is pulled; with the other, fan-outs are chains.
        pull_at = chance.choice((3, 100))
        self._pace = chance.choice(PACES if pull_at > len(names) else SLOW_PACES)
        workers = chance.choice((1, len(WORKERS), len(WORKERS)))
        # So that the first posts have followers, and there is something to leave.
        self._is_star_followed = chance.random() < FOLLOWED_FROM_THE_START
        # Where neither is so, what is missing in a timeline stays missing: no rebuild mends it.
        timelines_expire, redis_forgets = (chance.random() < 0.5 for _ in range(2))
        self._mesh = SimulatedMesh(loop, self._faults, names, pull_at=pull_at, workers=workers)
        self._nemesis = Nemesis(
            self._mesh,
            self._faults,
            self.history,
            chance=Random(chance.random()),
            loop=loop,
            spares_redis=not redis_forgets,
        )
        self._clients = Process("clients", loop)
        ids = [user.user_id for user in self._mesh.users.users.values()]
        self._users = [
            User(
                user_id,
                others=ids,
                star_id=ids[0],
                stubs=self._stubs(user_id),
                history=self.history,
                chance=Random(chance.random()),
                loop=loop,
                pace=self._pace,
                expire=self._mesh.homes.forget if timelines_expire else None,
            )
            for user_id in ids
        ]
        loop.set_exception_handler(self._take_failure)

    async def run(self) -> None:
        await self._live()
        self._nemesis.mend()
        await self._settle()
        await self._look()

    def result(self) -> Result:
        return Result(
            seed=self._seed,
            findings=self.history.findings,
            lines=self.history.lines,
            operations=self.history.operations,
            users=len(self._users),
            faults=self._faults.made,
            seconds=self._loop.time(),
        )

    async def _live(self) -> None:
        self._mesh.start()
        star, *others = self._users
        for user in others if self._is_star_followed else ():
            await user.follow(star.user_id, is_wanted=True)
        for user in self._users[self._seed % 3 :: 2]:
            await user.read(page_size=0)  # the others' timelines are built while everything happens
        self._faults.is_on = True
        each = -(-FEWEST_OPERATIONS // len(self._users))
        lives = [self._loop.start_for(self._clients, user.live(each * (1 + (user is star)))) for user in self._users]
        nemesis = self._loop.start_for(None, self._nemesis.strike(lasts=each * self._pace))
        await asyncio.gather(nemesis, *lives)

    async def end(self) -> None:
        for host in self._mesh.hosts.values():
            host.kill()
        left = [task for task in asyncio.all_tasks(self._loop) if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _settle(self) -> None:
        for user in self._users:
            await user.settle()
        until = self._loop.time() + LONGEST_UNREST
        while reasons := await self._unrest():
            if self._loop.time() > until:
                self._find(f"not quiet {LONGEST_UNREST:.0f} s after the healing: {', '.join(reasons)}")
                return
            await asyncio.sleep(0.5)

    async def _unrest(self) -> list[str]:
        """What is still to be done: late writes, rows that are not confirmed, messages, changes of class."""
        mesh = self._mesh
        rows = [
            (name, row.event.event_id)
            for name, outbox in (("tweet", mesh.tweet_outbox), ("graph", mesh.graph_outbox))
            for row in await outbox.pending(after=0, limit=EVERYTHING)
        ]
        reasons = [f"event {event_id} of {name} waits" for name, event_id in rows]
        reasons += ["a write is late"] * bool(self._faults.late)
        for (group, stream), place in mesh.bus._places.items():
            if place.due or place.read < len(mesh.bus._streams[stream].messages):
                reasons.append(f"{group} has not done with {stream}")
        unsettled = await mesh.graph.unsettled(above_author_id=0, limit=EVERYTHING)
        return reasons + [f"{standing.author_id} is {standing.stage.name}" for standing in unsettled]

    async def _look(self) -> None:
        """What everybody sees, against what they did."""
        history = self.history
        for outbox in (self._mesh.tweet_outbox, self._mesh.graph_outbox):
            for row in await outbox.dead(after=0, limit=EVERYTHING):
                self._find(f"event {row.event.event_id} was given up: {row.dead_reason}")
        for user in self._users:
            expected = history.tweet_ids({user.user_id, *history.followees(user.user_id)})
            size = 3 + self._seed % 4
            read = await user.read(page_size=size, most_pages=len(history.posts) + 2)
            if history.may_be_cached(set(read or ()) - set(expected)):
                await asyncio.sleep(TTL_SECONDS)
                read = await user.read(page_size=size, most_pages=len(history.posts) + 2)
            self._compare(f"home timeline of {user.user_id}", expected, read)
            stubs = self._stubs(user.user_id)
            request = ListUserTweetsRequest(user_id=user.user_id, page_size=EVERYTHING)
            tweets = await stubs["tweet"].ListUserTweets(request)
            own = [tweet.tweet_id for tweet in tweets.tweets]
            self._compare(f"tweets of {user.user_id}", history.tweet_ids({user.user_id}), own)
            await self._compare_edges(user.user_id, stubs["graph"])

    async def _compare_edges(self, user_id: int, graph: Any) -> None:
        following = await graph.ListFollowing(ListFollowingRequest(user_id=user_id))
        followers = await graph.ListFollowers(ListFollowersRequest(user_id=user_id))
        for name, expected, read, count in (
            ("followees", self.history.followees(user_id), following.following, following.total_count),
            ("followers", self.history.followers(user_id), followers.followers, followers.total_count),
        ):
            self._compare(f"{name} of {user_id}", sorted(expected), sorted(edge.user_id for edge in read))
            if count != len(expected):
                self._find(f"{user_id} has {len(expected)} {name} and the count {count}")

    def _compare(self, what: str, expected: list[int], read: list[int] | None) -> None:
        if read == expected:
            return
        if read is None:
            self._find(f"the {what} cannot be read")
            return
        names = self.history.by_id
        for label, ids in (
            ("misses", [one for one in expected if one not in read]),
            ("has too much:", [one for one in read if one not in expected]),
            ("repeats", [one for one, times in Counter(read).items() if times > 1]),
        ):
            if ids:
                self._find(f"the {what} {label} {[names[one].content if one in names else one for one in ids]}")
        if sorted(read) == sorted(expected):
            self._find(f"the {what} is in another order")

    def _stubs(self, user_id: int) -> dict[str, Any]:
        hosts = self._mesh.hosts
        return {
            name: Stub(hosts[name], self._clients, self._faults, caller=Caller(user_id=user_id))
            for name in ("tweet", "graph", "timeline")
        }

    def _take_failure(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        failure = context.get("exception")
        if isinstance(failure, LeftTheSimulation | HandlerFailed) or not isinstance(failure, MeshError):
            self._find(f"{context['message']}: {failure!r}")

    def _find(self, text: str) -> None:
        self.history.find(self._loop.time(), text)
