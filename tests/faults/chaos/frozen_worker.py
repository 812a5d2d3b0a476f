"""The bar of a fan-out worker that stands still with messages in hand for longer than the broker waits for it."""

from __future__ import annotations

import random
import signal
from dataclasses import dataclass
from functools import partial

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
# What a worker held must be done elsewhere so long after the broker gave it up.
ELSEWHERE_SECONDS = 5.0
POSTED_SECONDS = 60.0
PAUSE_SECONDS = 0.05


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
        for _ in range(amounts.freezes.at(run.scale)):
            await until_quiet(people)
            name = chance.choice(WORKERS_OF_TIMELINES)
            async with people.at_work(workers=WORKERS, acts=("post",), pause=PAUSE_SECONDS):
                await _until_posted(people, amounts.posts.at(run.scale))
                people.mesh.signal(name, signal.SIGSTOP)
                await _until_posted(people, amounts.posts.at(run.scale))
            try:
                held += await _count_held(people)
                waited.append(await _until_done_elsewhere(people))
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
        found: list[int] = []

        async def is_steady() -> bool:
            untaken, unacked = await broker.backlog()
            found.append(unacked)
            return not untaken and len(found) > 20 and len(set(found[-20:])) == 1

        await wait_until(is_steady, at_most=POSTED_SECONDS)
        return found[-1]


async def _until_done_elsewhere(people: People) -> float:
    clock = SystemClock()
    began = clock.monotonic()
    await until_quiet(people, at_most=ACK_WAIT.total_seconds() + ELSEWHERE_SECONDS)
    return clock.monotonic() - began
