"""Memory, open files and lag of every process of a mesh, looked at again and again, and kept as a table."""

from __future__ import annotations

import asyncio
import csv
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from bench.cpu import resident_megabytes
from mesh.background import background
from mesh.clock import SystemClock
from mesh.loop_lag import LoopLag
from tests.faults.chaos.lag import Counts, between, counts_in, lags_of, largest_of
from tests.mesh.support.running_mesh import RunningMesh

# This process: what makes its loop late makes every loop on the machine late.
HARNESS = "harness"
MOST_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one process: seconds since the first, and the largest lag since the look before, as upper bound.

    A lag of None is a process that has no loop of ours, or did not look at its lag in the meantime. `waited_ms` is for
    how long since the look before the thread of the loop could have worked, and others had the cores.
    """

    seconds: float
    process: str
    megabytes: float
    files: int
    lag_ms: float | None
    waited_ms: float = 0.0


@dataclass
class Samples:
    """Of each process, one after the other; every pid that it had; and its lags since the look before."""

    of: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    pids: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    lags: dict[str, list[Counts]] = field(default_factory=lambda: defaultdict(list))

    def keep(self, path: Path, *, most: int = MOST_ROWS) -> None:
        """Write the table, as CSV. Where that were too many rows, each is of several looks: the largest of each."""
        together = -(-sum(map(len, self.of.values())) // max(1, most - len(self.of)))
        with path.open("w", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(column.name for column in fields(Sample))
            for looks in self.of.values():
                rows.writerows(astuple(_largest(looks[at : at + together])) for at in range(0, len(looks), together))


def read_samples(path: Path) -> dict[str, list[Sample]]:
    """A table that was kept, by process."""
    samples: dict[str, list[Sample]] = defaultdict(list)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            lag = float(row["lag_ms"]) if row["lag_ms"] else None
            memory, waited = float(row["megabytes"]), float(row.get("waited_ms") or 0)
            one = Sample(float(row["seconds"]), row["process"], memory, int(row["files"]), lag, waited)
            samples[one.process].append(one)
    return samples


@asynccontextmanager
async def sampled(
    mesh: RunningMesh | None, *, every: float, kept: Path | None = None, itself: str = HARNESS
) -> AsyncIterator[Samples]:
    """Look at all processes, and at this one, every so many seconds until the block ends, and then keep the table.

    `itself` is the name of this process; without a mesh there is no other.
    """
    samples, registry, clock = Samples(), CollectorRegistry(), SystemClock()

    async def look() -> None:
        began = clock.monotonic()
        before: dict[str, Counts] = {}
        before_ms: dict[str, float] = {}
        while True:
            processes = mesh.processes() if mesh else []
            pids = {process["name"]: process["pid"] for process in processes} | {itself: os.getpid()}
            counts = await asyncio.to_thread(lags_of, mesh) if mesh else {}
            counts[itself] = counts_in(generate_latest(registry).decode())
            seconds = round(clock.monotonic() - began, 1)
            for name, pid in pids.items():
                lags = between(before.get(name, {}), counts[name]) if name in counts else {}
                waited = _waited_ms(pid)
                more = round(waited - before_ms.get(name, 0.0), 1)
                memory = round(resident_megabytes(pid), 2)
                samples.of[name].append(Sample(seconds, name, memory, _files(pid), largest_of(lags), more))
                samples.lags[name].append(lags)
                samples.pids[name].add(pid)
                before_ms[name] = waited
            before = counts
            await asyncio.sleep(every)

    async with background(LoopLag(registry).measure(), name="the lag of this loop"), background(look(), name="looks"):
        try:
            yield samples
        finally:
            if kept is not None:
                samples.keep(kept)


def _files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _waited_ms(pid: int) -> float:
    """For how long its first thread stood ready for a core, since it began."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e6


def _largest(looks: Iterable[Sample]) -> Sample:
    looks = list(looks)
    lags = [look.lag_ms for look in looks if look.lag_ms is not None]
    return Sample(
        looks[-1].seconds,
        looks[-1].process,
        max(look.megabytes for look in looks),
        max(look.files for look in looks),
        max(lags, default=None),
        round(sum(look.waited_ms for look in looks), 1),
    )
