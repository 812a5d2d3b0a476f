"""Strikes one process at a failpoint: it dies there, at the next try too; or the step fails twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from mesh.clock import SystemClock
from tests.faults.chaos.failpoint_plan import name_and_time
from tests.faults.chaos.own_process import OwnProcess

# A point that nobody comes to for so long fails the bar.
HIT_SECONDS = 90.0
LOOK_SECONDS = 0.02
AGAIN_SECONDS = 10.0
TRIES = 2


async def die_at(process: OwnProcess, entry: str) -> None:
    """It dies there, is started again, and dies there at the next try."""
    point, first = name_and_time(entry)
    for attempt in range(TRIES):
        await process.start(f"{point}:kill@{first}")
        await _until(lambda: process.exit_code is not None, f"nobody came to {point}, time {attempt + 1}")
        assert process.reached() == [point], process.told()


async def fail_at(process: OwnProcess, entry: str) -> None:
    """The step raises two times. A loop in which it does ends the process, which is started again.

    So is one in which nobody tries again soon: a row of the outbox that cannot be completed is met by the next reader.
    """
    point, first = name_and_time(entry)
    failures = 0
    while failures < TRIES:
        await process.start(",".join(f"{point}:raise@{time}" for time in range(first, first + TRIES - failures)))
        await _until(lambda: process.exit_code is not None or process.reached(), f"nobody came to {point} again")
        assert process.reached(), process.told()
        with suppress(TimeoutError):
            async with asyncio.timeout(AGAIN_SECONDS):
                await _until(partial(_is_over, process, TRIES - failures), point)
        failures += len(process.reached())


def _is_over(process: OwnProcess, failures: int) -> bool:
    return process.exit_code is not None or len(process.reached()) >= failures


async def keep_running(process: OwnProcess) -> None:
    """Start it again, undisturbed, whenever it has ended."""
    while True:
        if process.exit_code is not None:
            await process.start()
        await asyncio.sleep(LOOK_SECONDS)


async def _until(condition: Callable[[], object], otherwise: str) -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + HIT_SECONDS
    while not condition():
        assert clock.monotonic() < deadline, otherwise
        await asyncio.sleep(LOOK_SECONDS)
