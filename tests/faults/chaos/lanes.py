"""Several bars at a time, each in a process of its own: one that breaks off, or is killed, takes no other along."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile

from dev_mesh.child import TIED
from mesh.clock import SystemClock
from tests.faults.chaos.bar import Bar
from tests.faults.chaos.bars import ALONE, LONG

# A bar that is interrupted ends its mesh; one that does not is killed, and its mesh with it.
GRACE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a bar, and how many seconds it took."""

    is_held: bool
    seconds: float


async def hold_all(
    bars: Sequence[Bar], command: Callable[[Bar, int], Sequence[str]], *, lanes: int
) -> dict[str, Ended]:
    """Hold them, `lanes` at a time; those that must be alone come last, one after the other.

    `command` is the program that holds a bar in a lane, which ends with 0 when it is held and with 1 when it is not.

    Each bar's lines are printed whole when it has ended. Those that take long begin first, so that none is left over.
    Whoever cancels this stops them all.
    """
    together = sorted((bar for bar in bars if bar.number not in ALONE), key=lambda bar: bar.number not in LONG)
    ended: dict[str, Ended] = {}
    for some, at_once in ((together, lanes), ([bar for bar in bars if bar.number in ALONE], 1)):
        waiting = iter(some)

        async def go_on(lane: int, waiting: Iterator[Bar] = waiting) -> None:
            for bar in waiting:
                ended[bar.number] = await _hold(bar, command(bar, lane))

        async with asyncio.TaskGroup() as group:
            for lane in range(at_once):
                group.create_task(go_on(lane))
    return {bar.number: ended[bar.number] for bar in bars}


async def _hold(bar: Bar, command: Sequence[str]) -> Ended:
    clock = SystemClock()
    began = clock.monotonic()
    # Not a pipe: that ends only when nobody has it any more.
    with TemporaryFile() as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(TIED), str(os.getpid()), *command),
            stdin=DEVNULL,
            stdout=output,
            stderr=STDOUT,
            # Ctrl-C reaches this process alone, which then ends the others.
            start_new_session=True,
        )
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise
        output.seek(0)
        lines = output.read().decode(errors="replace").rstrip()
    print(f"{bar.number}  {bar.title}\n{lines}", flush=True)
    if code not in {0, 1}:
        print(f"     NOT HELD: it ended with {code}", flush=True)
    return Ended(code == 0, clock.monotonic() - began)


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                await process.wait()
                return
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
