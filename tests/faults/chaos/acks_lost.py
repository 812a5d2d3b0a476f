"""The bar of acks that the broker took and forgets: it is killed before it has written them down."""

from __future__ import annotations

import asyncio
import random
import signal
from dataclasses import dataclass
from functools import partial

from tests.faults.chaos.bar import Amount, Bar, Run
from tests.faults.chaos.blows import until_started_again
from tests.faults.chaos.broker import Broker, open_broker, required_of
from tests.faults.chaos.figures import handled
from tests.faults.chaos.judge import judge, until_quiet
from tests.faults.chaos.mixed import FOLLOWED_BY_EACH, WORKERS
from tests.faults.chaos.people import People, people_of
from tests.support.wait_until import wait_until

# Within this the server is killed, once it has said itself that it has every ack. It writes them down at most every
# 100 ms.
AFTER_ACKS_SECONDS = 0.02
ACKED_SECONDS = 60.0
PEOPLE = 20


@dataclass(frozen=True, slots=True)
class AcksLost:
    """How often the broker is killed, and after how many posts each time."""

    kills: Amount
    posts: Amount


def acks_lost(number: str, title: str, amounts: AcksLost) -> Bar:
    """A bar with so many kills."""
    return Bar(number, title, partial(_hold, amounts))


async def _hold(amounts: AcksLost, run: Run) -> None:
    chance = random.Random(f"{run.seed}/{run.bar}/kills")
    async with people_of(run, count=PEOPLE, followed_by_each=FOLLOWED_BY_EACH) as people:
        for _ in range(amounts.kills.at(run.scale)):
            await until_quiet(people)
            async with open_broker(people.mesh) as broker:
                await _post_until_acked(people, broker, amounts.posts.at(run.scale))
                await asyncio.sleep(chance.uniform(0, AFTER_ACKS_SECONDS))
                pid = people.mesh.signal("nats", signal.SIGKILL)
            await until_started_again(people.mesh, "nats", pid=pid)
        run.figures["kills"] = amounts.kills.at(run.scale)
        await until_quiet(people)
        async with open_broker(people.mesh) as broker:
            await wait_until(broker.is_idle, at_most=ACKED_SECONDS)
            await _count_redeliveries(people, broker, run)
        await judge(people, run)


async def _post_until_acked(people: People, broker: Broker, posts: int) -> None:
    """So many posts, and the broker says that it has their events, and every ack of them."""
    sequence, done = await broker.last_sequence(), people.done
    # Of the kill before, messages may be left whose acks were lost: they come again only after the ack wait.
    _, left = await broker.backlog()
    async with people.at_work(workers=WORKERS, acts=("post",)):
        await wait_until(partial(people.have_done, done + posts), at_most=ACKED_SECONDS)

    async def are_acked() -> bool:
        untaken, unacked = await broker.backlog()
        is_published = await broker.last_sequence() >= sequence + people.done - done
        return is_published and not untaken and unacked <= left

    await wait_until(are_acked, at_most=ACKED_SECONDS)


async def _count_redeliveries(people: People, broker: Broker, run: Run) -> None:
    """The control: events were handled more often than they were published."""
    published = sum(len(event.groups or required_of(event.payload)) for event in await broker.events())
    redelivered = await handled(people.mesh) - published
    run.figures["redeliveries"] = redelivered
    run.expect("acks were lost", redelivered, is_so=redelivered > 0)
