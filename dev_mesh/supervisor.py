"""Starts the children stage by stage, keeps them running, and ends them in the reverse order."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from dev_mesh.child import Child, Program, StartFailed, without_password
from dev_mesh.control import Refused, open_control
from dev_mesh.mesh_file import NAME, write_mesh_file
from mesh.clock import Clock

# Longer than a service takes to finish the calls in progress.
GRACE = timedelta(seconds=15)
READY_WITHIN = timedelta(seconds=120)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class NotReady(Exception):
    """The mesh did not come up in time; the message names what is missing."""


class Supervisor:
    """The children of one mesh. A stage starts when the one before it is ready."""

    def __init__(
        self,
        stages: Sequence[Sequence[Program]],
        *,
        data_dir: Path,
        edge_url: str,
        clock: Clock,
        say: Callable[[str], None],
        farewell: str = "stopping: the edge first, then the services, then NATS and Redis",
    ) -> None:
        self._data_dir = data_dir
        self._edge_url = edge_url
        self._say = say
        self._farewell = farewell
        self._stages = [
            [Child(program, clock=clock, say=say, changed=self._write_file) for program in stage] for stage in stages
        ]
        self._children = [child for stage in self._stages for child in stage]
        self._tasks: list[asyncio.Task[None]] = []
        self._is_ending = False

    async def run(self, once_ready: Callable[[], Awaitable[None]]) -> None:
        """Run the mesh until SIGINT, SIGTERM or SIGHUP, then drain it; a second signal kills what is left.

        `once_ready` runs beside the ready mesh. Raises StartFailed or NotReady, after the drain, when the mesh
        did not come up.
        """
        failure: Exception | None = None
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._end)
        try:
            async with asyncio.TaskGroup() as group:
                self._tasks = [group.create_task(child.keep_running()) for child in self._children]
                self._tasks.append(group.create_task(self._conduct(once_ready)))
        except* (StartFailed, NotReady) as failures:
            failure = failures.exceptions[0]
        finally:
            await self._drain()
        if failure:
            raise failure

    async def _conduct(self, once_ready: Callable[[], Awaitable[None]]) -> None:
        async with open_control(self._data_dir, self._act):
            try:
                async with asyncio.timeout(READY_WITHIN.total_seconds()):
                    for stage in self._stages:
                        await _all(child.start() for child in stage)
            except TimeoutError:
                late = [child.program.name for child in self._children if child.state != "ready"]
                raise NotReady(f"not ready after {READY_WITHIN.total_seconds():.0f} s: {', '.join(late)}") from None
            await once_ready()
            await asyncio.Event().wait()

    def _end(self) -> None:
        if self._is_ending:
            self._kill_all()
            return
        self._is_ending = True
        self._say(self._farewell)
        for task in self._tasks:
            task.cancel()

    async def _drain(self) -> None:
        for stage in reversed(self._stages):
            await _all(child.hold(grace=GRACE) for child in stage)
        (self._data_dir / NAME).unlink(missing_ok=True)

    def _kill_all(self) -> None:
        for child in self._children:
            if child.pid is not None:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)

    async def _act(self, command: str, name: str) -> str:
        if command == "status":
            return "\n".join(_status(child) for child in self._children)
        named = [child for child in self._children if child.program.name == name]
        named = named or [child for child in self._children if child.program.service == name]
        if not named:
            known = ", ".join(child.program.name for child in self._children)
            raise Refused(f"there is no process {name!r}; there are {known}")
        if command == "stop":
            await _all(child.hold(grace=GRACE) for child in named)
            done = "is down, and stays down until it is started"
        else:
            await self._start_again(named)
            done = "is ready"
        for child in named:
            self._say(f"{child.program.name} {done}")
        return "\n".join(f"{child.program.name} {done}" for child in named)

    async def _start_again(self, children: Sequence[Child]) -> None:
        try:
            async with asyncio.timeout(READY_WITHIN.total_seconds()):
                await _all(child.start() for child in children)
        except TimeoutError:
            logs = ", ".join(str(child.program.log) for child in children)
            raise Refused(f"not ready after {READY_WITHIN.total_seconds():.0f} s; see {logs}") from None

    def _write_file(self) -> None:
        write_mesh_file(self._data_dir, edge=self._edge_url, children=self._children)


def _status(child: Child) -> str:
    program = child.program
    pid = f"pid {child.pid}" if child.pid else ""
    return (
        f"{program.name:<20} {child.state:<9} {pid:<12} {child.restarts} restarts  {without_password(program.address)}"
    )


async def _all(calls: Iterable[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(call)
