"""CPU time of running processes, by name, from /proc."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """User and system time of the process with all its threads, in seconds, to the scheduler's precision."""
    # schedstat counts nanoseconds, but for one thread each; stat's ticks of 10 ms are too coarse for short runs.
    threads = Path(f"/proc/{pid}/task")
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads.iterdir()) / 1e9


def resident_megabytes(pid: int) -> float:
    """Resident memory of the process, in MB of 1,000,000 bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


@dataclass(frozen=True, slots=True)
class CpuReading:
    """CPU seconds by process name at one moment."""

    seconds: Mapping[str, float]

    @classmethod
    def of(cls, pids: Mapping[str, int]) -> CpuReading:
        """Read all processes now."""
        return cls({name: cpu_seconds(pid) for name, pid in pids.items()})

    def since(self, earlier: CpuReading) -> dict[str, float]:
        """Seconds used between the two readings, by name."""
        return {name: used - earlier.seconds[name] for name, used in self.seconds.items()}


def per_operation_ms(used: Mapping[str, float], operations: int) -> dict[str, float]:
    """Milliseconds per operation by name, and their sum as "all"."""
    shares = {name: 1000 * seconds / operations for name, seconds in used.items()}
    return {**shares, "all": sum(shares.values())}
