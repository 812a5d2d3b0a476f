"""What goes wrong, drawn from the seed: calls fail before or after their effect, stall, or take effect late."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from mesh.errors import Unavailable
from tests.simulation.virtual_time import VirtualLoop

T = TypeVar("T")

KINDS = ("lost call", "lost answer", "late effect", "stall", "drop", "duplicate", "reorder", "delay", "lost ack")
# Of one hundred calls or messages; most runs have some kinds only, so that one does not hide the others.
RATES = (0.0, 0.0, 0.01, 0.03, 0.1)
# In the other runs nothing is lost or repeated but by blows, so that no repeat mends what went wrong.
CALLS_FAIL, ONLY_LATE = 0.7, ("stall", "reorder", "delay")
# Seconds. Of six calls one takes as long as an event takes from its commit to its effect: what races is seen to race.
USUAL = (0.004, 0.004, 0.004, 0.004, 0.01, 0.1)
STALL, LATE = 0.8, 4.0


@dataclass
class Faults:
    """`is_on` between the beginning and the healing. `away` names what cannot be reached at all."""

    chance: Random
    loop: VirtualLoop
    is_on: bool = False
    rates: dict[str, float] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    made: Counter[str] = field(default_factory=Counter)
    late: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        calls_fail = self.chance.random() < CALLS_FAIL
        self.rates = {kind: self.chance.choice(RATES) for kind in KINDS if calls_fail or kind in ONLY_LATE}
        self.rates["stall"] *= 2

    def strikes(self, kind: str) -> bool:
        """Whether this kind of fault happens now."""
        if self.is_on and self.chance.random() < self.rates.get(kind, 0.0):
            self.made[kind] += 1
            return True
        return False

    async def pass_time(self) -> None:
        """As long as a call takes: mostly a moment, sometimes long enough for others to overtake."""
        if self.is_on:
            at_most = STALL if self.strikes("stall") else self.chance.choice(USUAL)
            await self.loop.pause(at_most * self.chance.random())


class Process:
    """What dies together: after its death nothing that it began has any further effect."""

    def __init__(self, name: str, loop: VirtualLoop) -> None:
        self.name = name
        self.is_alive = True
        self._loop = loop

    def check(self) -> None:
        """Stop whoever goes on after the death, such as one who cleans up."""
        if not self.is_alive:
            raise asyncio.CancelledError

    def kill(self) -> None:
        self.is_alive = False
        for task in self._loop.tasks_of(self):
            task.cancel()


class Port:
    """A store as a process reaches it: every call may fail before or after its effect."""

    def __init__(self, inner: Any, name: str, process: Process, faults: Faults, *, may_be_late: bool = False) -> None:
        self._inner = inner
        self._name = name
        self._process = process
        self._faults = faults
        self._may_be_late = may_be_late

    def __getattr__(self, method: str) -> Any:
        effect = getattr(self._inner, method)

        async def call(*arguments: Any, **named: Any) -> Any:
            return await self._through(lambda: effect(*arguments, **named))

        self.__dict__[method] = call
        return call

    async def _through(self, effect: Callable[[], Awaitable[T]]) -> T:
        faults = self._faults
        self._process.check()
        if not faults.is_on:
            return await effect()
        await faults.pass_time()
        self._process.check()
        if self._name in faults.away or faults.strikes("lost call"):
            raise Unavailable.backend(self._name)
        if self._may_be_late and faults.strikes("late effect"):
            task = faults.loop.start_for(None, _later(effect, LATE * faults.chance.random()))
            faults.late.add(task)
            task.add_done_callback(faults.late.discard)
            raise Unavailable.backend(self._name)
        answer = await effect()
        if faults.strikes("lost answer"):
            raise Unavailable.backend(self._name)
        if faults.chance.random() < 0.3:
            await faults.pass_time()
            self._process.check()
        return answer


class _ReaderPort(Port):
    """A reader is in the process, with its cursor: it fails to read, and never forgets what it has read."""

    async def _through(self, effect: Callable[[], Awaitable[T]]) -> T:
        await self._faults.pass_time()
        self._process.check()
        if self._name in self._faults.away or self._faults.strikes("lost call"):
            raise Unavailable.backend(self._name)
        return await effect()


class OutboxPort(Port):
    """An outbox, whose readers fail as well; waiting for an append does not."""

    def reader(self) -> Any:
        return _ReaderPort(self._inner.reader(), self._name, self._process, self._faults)

    async def wait_for_append(self, **named: Any) -> None:
        await self._inner.wait_for_append(**named)
        self._process.check()


async def _later(effect: Callable[[], Awaitable[object]], seconds: float) -> None:
    await asyncio.sleep(seconds)
    await effect()
