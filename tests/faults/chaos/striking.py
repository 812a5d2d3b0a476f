"""Blows that fall at equal parts of some work, so that a slow machine gets no fewer of them."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

from tests.faults.chaos.bar import Run
from tests.mesh.support.running_mesh import RunningMesh
from tests.support.wait_until import wait_until

LONGEST_SECONDS = 1_800.0

Blow = Callable[[RunningMesh, random.Random], Awaitable[str]]


async def strike(
    run: Run, mesh: RunningMesh, blow: Blow, *, times: int, progress: Callable[[], int], enough: int
) -> None:
    """So many blows while `progress` grows to `enough`; returns when it has."""
    chance = random.Random(f"{run.seed}/{run.bar}/blows")
    struck: list[str] = []
    for number in range(times + 1):
        part = (number + 1) * enough // (times + 1)

        def is_done(part: int = part) -> bool:
            return progress() >= part

        await wait_until(is_done, at_most=LONGEST_SECONDS)
        if number < times:
            struck.append(await blow(mesh, chance))
    run.figures["blows"] = len(struck)
    run.say(f"struck: {', '.join(struck)}")
