"""The bar of events that cannot be handled: each is kept as a dead letter, the others go on, a replay restores all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from mesh.clock import SystemClock
from tests.faults.chaos.bar import Amount, Bar, Run
from tests.faults.chaos.broker import open_broker
from tests.faults.chaos.cql_relay import CqlRelay, behind
from tests.faults.chaos.judge import judge
from tests.faults.chaos.mixed import FOLLOWED_BY_EACH, LONGEST_SECONDS, PEOPLE, WORKERS
from tests.faults.chaos.people import People, people_of
from tests.faults.chaos.poisoned_stores import PoisonedStores, poisoned_cassandra, poisoned_sqlite
from tests.mesh.support.operator import Operator
from tests.support.wait_until import wait_until

PAUSE_SECONDS = 0.05
# Of what the others would get done without poison: their backlog after the posts may be longer than without it by a
# tenth of the time that the posts took. The posts' own pace is the machine's, and no matter of poison.
LEAST_PACE = 0.9
OTHERS_SECONDS = 15.0
# A handler is tried six times, with pauses of 31 s in all.
GIVEN_UP_SECONDS = 75.0
REPLAYED_SECONDS = 30.0
# No event, no message at all, and an event of a kind that nobody knows.
GARBAGE = (b"\xff", b"", b"\x08\x07")

# Of a mesh, one of so many tweets with a larger id than `after`, for as long as a block.
Poisoned: TypeAlias = Callable[..., AbstractContextManager[PoisonedStores]]


@dataclass(frozen=True, slots=True)
class Poison:
    """How many posts, without poison and then with it; of so many one row is damaged and one handler fails."""

    posts: Amount
    one_of: Amount


def poison(number: str, title: str, amounts: Poison) -> Bar:
    """A bar with so much poison."""
    return Bar(number, title, partial(_hold, amounts))


async def _hold(amounts: Poison, run: Run) -> None:
    if run.store == "sqlite":
        await _poison(amounts, run, poisoned_sqlite)
        return
    relay = CqlRelay()
    async with behind(relay, run) as (cluster, flags):
        await _poison(amounts, run, lambda _mesh, **which: poisoned_cassandra(relay, cluster, **which), flags)


async def _poison(amounts: Poison, run: Run, poisoned: Poisoned, flags: tuple[str, ...] = ()) -> None:
    count = PEOPLE.at(run.scale)
    async with people_of(run, count=count, followed_by_each=FOLLOWED_BY_EACH, flags=flags) as people:
        operator = Operator(people.mesh)
        posts = amounts.posts.at(run.scale)
        clean = await _post_until_others_are_done(people, operator, posts)
        one_of, after = amounts.one_of.at(run.scale), max(people.history.texts())
        with poisoned(people.mesh, one_of=one_of, after=after) as stores:
            async with open_broker(people.mesh) as broker:
                for garbage in GARBAGE:
                    await broker.jetstream.publish("ev.tweet.created.00", garbage)
            dirty = await _post_until_others_are_done(people, operator, posts, stores)
            pace = dirty.posting / (dirty.posting + max(0.0, dirty.backlog - clean.backlog))
            run.figures["s without poison"] = round(clean.posting + clean.backlog, 1)
            run.figures["s with it"] = round(dirty.posting + dirty.backlog, 1)
            run.figures["others' pace, per cent"] = round(100 * pace)
            run.expect("the others go on", (clean, dirty), is_so=pace >= LEAST_PACE)
            await _until_given_up(people, operator, stores, run)
        wanted = stores.damaged() | _failing(people, stores)
        await asyncio.to_thread(stores.mend)
        await _replay(operator, wanted, run)
        await judge(people, run)


@dataclass(frozen=True, slots=True)
class _Took:
    """Seconds of posting, and from then on until the last effect."""

    posting: float
    backlog: float


def _failing(people: People, stores: PoisonedStores) -> set[int]:
    """Events that engagement_svc cannot handle."""
    return {tweet for tweet in people.history.texts() if stores.is_failing(tweet)} - stores.damaged()


async def _post_until_others_are_done(
    people: People, operator: Operator, posts: int, stores: PoisonedStores | None = None
) -> _Took:
    """Make so many posts, and wait until all those that are not poisoned had their effects."""
    clock = SystemClock()
    began, done = clock.monotonic(), people.done
    async with people.at_work(workers=WORKERS, acts=("post", "post", "reply"), pause=PAUSE_SECONDS):
        await wait_until(partial(people.have_done, done + posts), at_most=LONGEST_SECONDS)
    posted = clock.monotonic()

    async def are_done() -> bool:
        waiting = {entry.event_id for entry in await operator.outbox("tweet_svc")}
        return not waiting - (_failing(people, stores) | stores.damaged() if stores else set())

    await wait_until(are_done, at_most=OTHERS_SECONDS)
    return _Took(posted - began, clock.monotonic() - posted)


async def _until_given_up(people: People, operator: Operator, stores: PoisonedStores, run: Run) -> None:
    """Every poisoned event becomes a dead letter, with its bytes if they can be read, and nothing else does."""
    damaged, failing = stores.damaged(), _failing(people, stores)
    people.dead |= damaged
    run.figures["damaged rows"] = len(damaged)
    run.figures["failing events"] = len(failing)
    run.expect("some of both kinds", (damaged, failing), is_so=bool(damaged and failing))

    async def is_empty() -> bool:
        return not await operator.outbox("tweet_svc")

    await wait_until(is_empty, at_most=GIVEN_UP_SECONDS)
    letters = await operator.dead_letters("tweet_svc")
    found = {letter.entry.event_id: letter.consumer_group for letter in letters}
    expected = dict.fromkeys(damaged, "tweet") | dict.fromkeys(failing, "engagement")
    run.figures["dead letters"] = len(letters)
    run.expect("every poisoned event is a dead letter, and no other", found, is_so=found == expected)
    readable = {letter.entry.event_id for letter in letters if letter.HasField("event")}
    run.expect("with its event, where that can be read", readable, is_so=readable == failing)


async def _replay(operator: Operator, wanted: set[int], run: Run) -> None:
    replayed = await operator.replay("tweet_svc", sorted(wanted))
    run.figures["replayed"] = len(replayed)
    run.expect("all are replayed", replayed, is_so=set(replayed) == wanted)

    async def is_empty() -> bool:
        return not (await operator.outbox("tweet_svc") or await operator.dead_letters("tweet_svc"))

    await wait_until(is_empty, at_most=REPLAYED_SECONDS)
