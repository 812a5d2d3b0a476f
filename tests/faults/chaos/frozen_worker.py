"""The bar of a fan-out worker that stands still with messages in hand for longer than the broker waits for it."""

from __future__ import annotations

import asyncio
import random
import signal
from dataclasses import dataclass
from functools import partial

from dev_mesh.control import ask
from mesh.clock import SystemClock
from mesh.events.interface import ACK_WAIT
from tests.faults.chaos.bar import Amount, Bar, Run
from tests.faults.chaos.broker import open_broker
from tests.faults.chaos.figures import handled
from tests.faults.chaos.judge import judge, until_quiet
from tests.faults.chaos.mixed import FOLLOWED_BY_EACH, PEOPLE, WORKERS
from tests.faults.chaos.people import People, people_of
from tests.support.wait_until import wait_until

WORKERS_OF_TIMELINES = ("timeline_svc-work", "timeline_svc-work-2")
# What a worker held must be done elsewhere so soon: the broker gives it up after the ack wait.
MOST_SECONDS = ACK_WAIT.total_seconds() + 5.0
POSTED_SECONDS = 60.0
PAUSE_SECONDS = 0.05
STEADY_SECONDS = 3.0
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class FrozenWorker:
    """How often one stands still, and how many posts come in just before and just after."""

    freezes: Amount
    posts: Amount


def frozen_worker(number: str, title: str, amounts: FrozenWorker) -> Bar:
    """A bar with so many freezes."""
    return Bar(number, title, partial(_hold, amounts))


async def _hold(amounts: FrozenWorker, run: Run) -> None:
    chance = random.Random(f"{run.seed}/{run.bar}/freezes")
    count, flags = PEOPLE.at(run.scale), ("--replicas", "2")
    held, waited = 0, [0.0]
    async with people_of(run, count=count, followed_by_each=FOLLOWED_BY_EACH, flags=flags) as people:
        # Of two relays each publishes every event: what one copy's taker holds, the other copy's would do at once.
        await asyncio.to_thread(ask, people.mesh.data_dir, "stop", "tweet_svc-2")
        for _ in range(amounts.freezes.at(run.scale)):
            await until_quiet(people)
            name = chance.choice(WORKERS_OF_TIMELINES)
            async with people.at_work(workers=WORKERS, acts=("post",), pause=PAUSE_SECONDS):
                await _until_posted(people, amounts.posts.at(run.scale))
                people.mesh.signal(name, signal.SIGSTOP)
                await _until_posted(people, amounts.posts.at(run.scale))
            try:
                began = _CLOCK.monotonic()
                held += await _count_held(people)
                await until_quiet(people, at_most=MOST_SECONDS - (_CLOCK.monotonic() - began))
                waited.append(_CLOCK.monotonic() - began)
            finally:
                people.mesh.signal(name, signal.SIGCONT)
        run.figures["freezes"] = amounts.freezes.at(run.scale)
        run.figures["held by the frozen"] = held
        run.figures["done elsewhere after s"] = round(max(waited), 1)
        run.expect("the frozen workers held messages", held, is_so=held > 0)
        before = await handled(people.mesh)
        await judge(people, run)
        run.figures["done once more"] = await handled(people.mesh) - before


async def _until_posted(people: People, posts: int) -> None:
    await wait_until(partial(people.have_done, people.done + posts), at_most=POSTED_SECONDS)


async def _count_held(people: People) -> int:
    """The control: messages that were handed out and that nobody acks, once all others are done."""
    async with open_broker(people.mesh) as broker:
        backlog, since = await broker.backlog(), _CLOCK.monotonic()

        async def is_steady() -> bool:
            nonlocal backlog, since
            before, backlog = backlog, await broker.backlog()
            if before != backlog:
                since = _CLOCK.monotonic()
            return _CLOCK.monotonic() - since > STEADY_SECONDS

        await wait_until(is_steady, at_most=POSTED_SECONDS)
        return sum(backlog)
