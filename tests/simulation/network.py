"""Calls between the simulated services: straight to the other's servicer, which may be down, may die, or answer late.

Stands where a channel stands: what goes over it are the messages of the contract.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from mesh.caller import ANONYMOUS, CURRENT_CALL, Call, Caller
from mesh.errors import DeadlineExceeded, MeshError, Unavailable
from tests.simulation.faults import Faults, Process
from tests.simulation.virtual_time import VirtualLoop

DEADLINE = 2.0


class Host:
    """Where a service runs: one process at a time, each on the same stores. `open` makes its servicers and its work."""

    def __init__(self, name: str, loop: VirtualLoop, open_: Callable[[Process], tuple[list[Any], list[Any]]]) -> None:
        self.name = name
        self.process: Process | None = None
        self._loop = loop
        self._open = open_
        self._servicers: list[Any] = []

    def start(self) -> None:
        """A new process, unless one is there."""
        if self.process is None:
            self.process = Process(self.name, self._loop)
            self._servicers, work = self._open(self.process)
            for coroutine in work:
                self._loop.start_for(self.process, coroutine)

    def kill(self) -> None:
        """End the process, wherever it is."""
        if self.process is not None:
            process, self.process = self.process, None
            process.kill()

    def method(self, name: str) -> Any:
        """The servicer's method; None while nobody is there."""
        if self.process is None:
            return None
        return next(getattr(servicer, name) for servicer in self._servicers if hasattr(servicer, name))


class Stub:
    """What a generated stub is to its owner: a method for each RPC."""

    def __init__(
        self, host: Host, process: Process, faults: Faults, *, caller: Caller = ANONYMOUS, limit: int = 0
    ) -> None:
        self._host = host
        self._process = process
        self._faults = faults
        self._caller = caller
        self._limit = limit

    def __getattr__(self, method: str) -> Any:
        async def call(request: Any) -> Any:
            return await self._call(method, request)

        self.__dict__[method] = call
        return call

    async def _call(self, method: str, request: Any) -> Any:
        faults, host = self._faults, self._host
        self._process.check()
        if self._limit and method in {"ListFollowerIds", "ListFolloweeIds"}:
            request.limit = self._limit  # short pages, so that fan-outs are chains
        before = faults.is_on and faults.chance.random() < 0.5
        if before:
            await faults.pass_time()
            self._process.check()
        handler = host.method(method)
        if handler is None or host.name in faults.away or faults.strikes("lost call"):
            raise Unavailable.backend(host.name)
        answer = await self._answer(handler, request)
        if not before:
            await faults.pass_time()
        self._process.check()
        if faults.strikes("lost answer"):
            raise Unavailable.backend(host.name)
        return answer

    async def _answer(self, handler: Any, request: Any) -> Any:
        loop = self._faults.loop
        deadline = loop.time() + DEADLINE
        process = self._host.process
        running = loop.start_for(process, _handle(handler, request, Call(self._caller, "", deadline)))
        try:
            async with asyncio.timeout_at(deadline):
                return await running
        except TimeoutError:
            raise DeadlineExceeded("DEADLINE_EXCEEDED", f"{self._host.name} did not answer in time") from None
        except asyncio.CancelledError:
            if process is not None and process.is_alive and not running.cancelled():
                running.cancel()
            elif self._process.is_alive and not _is_cancelled_itself():
                raise Unavailable.backend(self._host.name) from None
            raise


def _is_cancelled_itself() -> bool:
    """Whether it is the caller that was told to stop, and not the one that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _handle(handler: Any, request: Any, call: Call) -> Any:
    CURRENT_CALL.set(call)
    try:
        return await handler(request, _NoContext())
    except MeshError:
        raise
    except Exception as failure:
        raise HandlerFailed(handler.__qualname__) from failure


class HandlerFailed(BaseException):
    """A handler raised what no caller may be told: a bug, whatever the faults were."""


class _NoContext:
    async def send_initial_metadata(self, metadata: object) -> None:
        """Nobody looks at it."""
