"""One program kept running: started, watched, started again at the same address, held down on request."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from mesh.clock import Clock

TIED = Path(__file__).parent / "tied.py"
PROBE_EVERY = timedelta(milliseconds=100)
FIRST_PAUSE = timedelta(milliseconds=100)
LONGEST_PAUSE = timedelta(seconds=5)
# A child that lived this long starts again with the first pause.
LIVED_WELL = timedelta(seconds=10)
# A child that was never ready is given up after so many tries; at once when it ends with the code of a service that
# cannot work with its settings, its port or its data.
MOST_FIRST_TRIES = 3
CANNOT_START = 2


class StartFailed(Exception):
    """A child said that it cannot start; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, and where it can be found. `address` is what a client of it needs: host:port, or a URL."""

    name: str
    service: str
    role: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    log: Path
    address: str
    metrics: str
    is_ready: Callable[[], Awaitable[bool]]


class Child:
    """The process of a program. `changed` is called at every start and end, `say` gets one line for people."""

    def __init__(
        self, program: Program, *, clock: Clock, say: Callable[[str], None], changed: Callable[[], None]
    ) -> None:
        self.program = program
        self.restarts = 0
        self._clock = clock
        self._say = say
        self._changed = changed
        self._process: Process | None = None
        self._wanted = asyncio.Event()
        self._ready = asyncio.Event()
        self._was_ready = False

    @property
    def pid(self) -> int | None:
        """The process now, None while there is none."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def state(self) -> str:
        """One word for people: held, down, starting or ready."""
        if not self._wanted.is_set():
            return "held"
        if self.pid is None:
            return "down"
        return "ready" if self._ready.is_set() else "starting"

    async def keep_running(self) -> None:
        """Run the program whenever it is wanted, until cancelled. Raises StartFailed."""
        pause = FIRST_PAUSE
        while True:
            await self._wanted.wait()
            began = self._clock.monotonic()
            code = await self._live()
            if not self._wanted.is_set():
                continue
            if not self._was_ready and (code == CANNOT_START or self.restarts + 1 >= MOST_FIRST_TRIES):
                raise StartFailed(f"{self.program.name} cannot start:\n{end_of(self.program.log)}")
            if self._clock.monotonic() - began > LIVED_WELL.total_seconds():
                pause = FIRST_PAUSE
            self._say(f"{self.program.name} ended ({_ending(code)}), starts again in {pause.total_seconds():.1f} s")
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, LONGEST_PAUSE)
            self.restarts += 1

    async def start(self) -> None:
        """Want it running, and return when it is ready."""
        self._wanted.set()
        await self._ready.wait()

    async def hold(self, *, grace: timedelta) -> None:
        """Want it down: SIGTERM, and SIGKILL when `grace` is over. Returns when it is gone."""
        self._wanted.clear()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace.total_seconds()):
                await process.wait()
                return
        self._say(f"{self.program.name} did not end within {grace.total_seconds():.0f} s: killed")
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def _live(self) -> int:
        began = self._clock.monotonic()
        process = self._process = await self._spawn()
        self._changed()
        try:
            while process.returncode is None and not await self.program.is_ready():
                await _ended_within(process, PROBE_EVERY)
            if process.returncode is None:
                took = self._clock.monotonic() - began
                self._say(
                    f"{self.program.name:<20} ready at {without_password(self.program.address)} after {took:.1f} s"
                )
                self._was_ready = True
                self._ready.set()
            return await process.wait()
        finally:
            self._ready.clear()
            self._changed()

    async def _spawn(self) -> Process:
        self.program.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.program.log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-I", "-S", str(TIED), str(os.getpid()), *self.program.command]
        with self.program.log.open("ab") as log:
            # A session of its own: Ctrl-C reaches only the supervisor, which then stops its children in order.
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                cwd=self.program.directory,
                env=dict(self.program.environment),
                start_new_session=True,
            )


def end_of(log: Path, *, lines: int = 20) -> str:
    """The last lines of a log file."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


async def _ended_within(process: Process, wait: timedelta) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(wait.total_seconds()):
            await process.wait()


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit {code}"


def without_password(address: str) -> str:
    """The address as it may be shown."""
    scheme, _, rest = address.rpartition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if scheme else address
