"""Many calls of one kind from this process: its CPU and that of others for each, and how long they took."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from bench.cpu import CpuReading

CLIENT = "client"


@dataclass(slots=True)
class Cost:
    """Of one kind of call, over one run or several: CPU seconds by process, and each call's seconds."""

    calls: int = 0
    cpu: dict[str, float] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)

    def add(self, other: Cost) -> None:
        """Count another run too."""
        self.calls += other.calls
        self.took += other.took
        for name, seconds in other.cpu.items():
            self.cpu[name] = self.cpu.get(name, 0.0) + seconds

    def cpu_us(self, name: str) -> float:
        """Microseconds of CPU that a process spent on one call."""
        return 1e6 * self.cpu.get(name, 0.0) / self.calls

    def percentile_ms(self, percent: int) -> float:
        """How long a call took at most, of so many of a hundred."""
        return 1000 * sorted(self.took)[min(len(self.took) * percent // 100, len(self.took) - 1)]


async def measure(
    call: Callable[[], Awaitable[object]], *, calls: int, in_flight: int, others: Mapping[str, int]
) -> Cost:
    """`calls` of them, `in_flight` at a time; `others` are processes whose CPU is counted beside that of this one."""
    took: list[float] = []
    left = calls

    async def caller() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            began = time.perf_counter()
            await call()
            took.append(time.perf_counter() - began)

    before = CpuReading.of({CLIENT: os.getpid(), **others})
    await asyncio.gather(*(caller() for _ in range(in_flight)))
    return Cost(calls, CpuReading.of({CLIENT: os.getpid(), **others}).since(before), took)
