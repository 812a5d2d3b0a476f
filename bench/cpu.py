"""CPU time of running processes, by name, from their clocks."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Which of the clocks of a process: the time that it was scheduled for.
_SCHEDULED = 2


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and all threads it ever had, in seconds. Raises OSError when it is gone."""
    # Its clock as clock_getcpuclockid(3) names it: nanoseconds. /proc has ticks of 10 ms, or forgets ended threads.
    return time.clock_gettime(~pid << 3 | _SCHEDULED)


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
