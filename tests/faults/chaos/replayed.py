"""Bars of one form: what the stream EVENTS has kept is published again, and nothing that anybody sees may change."""

from __future__ import annotations

import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from tests.faults.chaos.bar import Amount, Bar, Run
from tests.faults.chaos.blows import until_started_again
from tests.faults.chaos.broker import Broker, open_broker, required_of
from tests.faults.chaos.figures import handled
from tests.faults.chaos.judge import judge, until_quiet
from tests.faults.chaos.mixed import FOLLOWED_BY_EACH, LONGEST_SECONDS, PEOPLE, WORKERS
from tests.faults.chaos.people import People, people_of
from tests.faults.chaos.visible import changes, everything, sha256
from tests.support.wait_until import wait_until

TAKEN_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Replay:
    """What people do before; of the latest events so many at most, how often each, and whether the broker is killed."""

    acts: tuple[str, ...]
    answered: Amount
    events: Amount
    times: int
    is_broker_killed: bool = False


def replayed(number: str, title: str, replay: Replay) -> Bar:
    """A bar with that replay."""
    return Bar(number, title, partial(_hold, replay))


async def _hold(replay: Replay, run: Run) -> None:
    chance = random.Random(f"{run.seed}/{run.bar}/order")
    async with people_of(run, count=PEOPLE.at(run.scale), followed_by_each=FOLLOWED_BY_EACH) as people:
        async with people.at_work(workers=WORKERS, acts=replay.acts):
            await wait_until(partial(people.have_done, replay.answered.at(run.scale)), at_most=LONGEST_SECONDS)
        run.figures["acts"] = people.done
        await until_quiet(people)
        before = await everything(people)
        assert not await changes(people, before), "what is seen changes by itself"
        run.say(f"seen before {sha256(before)[:16]}")
        if replay.is_broker_killed:
            pid = people.mesh.signal("nats", signal.SIGKILL)
            await until_started_again(people.mesh, "nats", pid=pid)
        async with open_broker(people.mesh) as broker:
            await _replay(replay, run, people, broker, chance)
        changed = await changes(people, before)
        run.figures["parts compared"] = len(before)
        run.figures["parts changed"] = len(changed)
        run.expect("nothing seen changes", changed, is_so=not changed)
        await judge(people, run)


async def _replay(replay: Replay, run: Run, people: People, broker: Broker, chance: random.Random) -> None:
    kept = await broker.events()
    chosen = kept[-replay.events.at(run.scale) :]
    run.figures["events"] = len(chosen)
    run.expect("none has an id that JetStream drops repeats by", kept, is_so=not any(e.has_message_id for e in kept))
    handled_before = await handled(people.mesh)
    for _ in range(replay.times):
        chance.shuffle(chosen)
        for event in chosen:
            await broker.publish(event)
    wanted = handled_before + replay.times * sum(len(required_of(event.payload)) for event in chosen)
    await wait_until(_have_taken(people, broker, wanted), at_most=TAKEN_SECONDS)
    run.figures["handled again"] = await handled(people.mesh) - handled_before


def _have_taken(people: People, broker: Broker, wanted: int) -> Callable[[], Awaitable[bool]]:
    """Every group has handled each event once more: the control, for a replay that is not taken changes nothing."""

    async def have_taken() -> bool:
        return await handled(people.mesh) >= wanted and await broker.is_idle()

    return have_taken
