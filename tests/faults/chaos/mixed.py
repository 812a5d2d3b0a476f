"""Bars of one form: people are at work, blows fall on the mesh at random, and then everything is compared."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from mesh.clock import SystemClock
from tests.faults.chaos.bar import Amount, Bar, Run
from tests.faults.chaos.blows import Loss
from tests.faults.chaos.judge import judge
from tests.faults.chaos.people import People, people_of
from tests.mesh.support.running_mesh import RunningMesh
from tests.support.wait_until import wait_until

WORKERS = 8
FOLLOWED_BY_EACH = 6
LONGEST_SECONDS = 1_800.0
PEOPLE = Amount(20, 50, 200)

Blow = Callable[[RunningMesh, random.Random], Awaitable[str | Loss]]
Control = Callable[[People, Run], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Load:
    """What people do (an act that is named twice is twice as likely), and how much of it; how many blows, of a kind.

    `pause` is what each of them waits between two acts, in seconds; `flags` go to the mesh. A blow that is a Loss must
    have taken something. `control` is called at the end, to see that the blows were felt.
    """

    acts: tuple[str, ...]
    answered: Amount
    blows: Amount
    blow: Blow
    people: Amount = PEOPLE
    pause: float = 0.0
    flags: tuple[str, ...] = ()
    control: Control | None = None
    followed_by_each: int = FOLLOWED_BY_EACH


def mixed(number: str, title: str, load: Load) -> Bar:
    """A bar with that load."""
    return Bar(number, title, partial(_hold, load))


async def _hold(load: Load, run: Run) -> None:
    count = load.people.at(run.scale)
    async with people_of(run, count=count, followed_by_each=load.followed_by_each, flags=load.flags) as people:
        blows = await _strike(load, run, people)
        run.figures["acts"] = people.done
        run.figures["repeats"] = len(people.api.failures)
        run.figures["blows"] = len(blows)
        run.say(f"struck: {', '.join(map(str, blows))}")
        if losses := [blow.amount for blow in blows if isinstance(blow, Loss)]:
            run.figures["taken away"] = sum(losses)
            run.expect("each blow took something away", losses, is_so=all(losses))
        await judge(people, run)
        if load.control is not None:
            await load.control(people, run)


async def _strike(load: Load, run: Run, people: People) -> list[str | Loss]:
    """The blows fall at equal parts of the work, so that a slow machine gets no fewer of them."""
    chance, clock = random.Random(f"{run.seed}/{run.bar}/blows"), SystemClock()
    enough, wanted = load.answered.at(run.scale), load.blows.at(run.scale)
    struck: list[str | Loss] = []
    began = clock.monotonic()
    async with people.at_work(workers=WORKERS, acts=load.acts, pause=load.pause):
        for number in range(wanted + 1):
            await wait_until(partial(people.have_done, (number + 1) * enough // (wanted + 1)), at_most=LONGEST_SECONDS)
            if number < wanted:
                struck.append(await load.blow(people.mesh, chance))
    run.figures["at work s"] = round(clock.monotonic() - began, 1)
    return struck
