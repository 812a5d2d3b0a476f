"""F17: processes that hold leases for ids stand still until others have their numbers, and go on."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import apsw

from mesh.storage.id_leases import LEASE_MS
from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.id_process import FILE
from tests.mesh.support.running_mesh import ENVIRONMENT, ROOT
from tests.support.wait_until import wait_until

PROCESSES = 16
ROUNDS = Amount(1, 5, 20)
# By then the lease of a process that stands still is over.
STOPPED_SECONDS = LEASE_MS / 1_000 + 0.5
STAMPED_SECONDS = 30.0
STAMPED_EACH = 400
# An id has 19 digits.
LINE_BYTES = 20
LOCKED_MS = 3_000


async def stop_holders(run: Run) -> None:
    """No id twice, none out of order, and no millisecond of a number used by two processes."""
    (run.folder / "schema").mkdir()
    chance, holders = random.Random(f"{run.seed}/{run.bar}"), _Holders(run.folder)
    try:
        await holders.start(PROCESSES)
        rounds = 0
        while rounds < ROUNDS.at(run.scale):
            stopped = chance.sample(holders.alive, PROCESSES // 2)
            for holder in stopped:
                holder.process.send_signal(signal.SIGSTOP)
            is_locked = await asyncio.to_thread(_is_locked, run.folder)
            await asyncio.sleep(STOPPED_SECONDS)
            if not is_locked:
                await holders.start(len(stopped))
            for holder in stopped:
                holder.process.send_signal(signal.SIGCONT)
            await _stamp_more(holders.alive)
            if is_locked:
                run.figures["stopped in a commit"] = run.figures.get("stopped in a commit", 0) + 1
                continue
            rounds += 1
            for holder in chance.sample(holders.alive, len(stopped)):
                holder.kill()
    finally:
        for holder in holders.alive:
            holder.kill()
    _judge(run, holders.all)


def _is_locked(folder: Path) -> bool:
    """Whether one of them stands still in the middle of a commit: nobody can have a lease then, and all run out."""
    connection = apsw.Connection(str(folder / FILE))
    connection.set_busy_timeout(LOCKED_MS)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except apsw.BusyError:
        return True
    else:
        connection.execute("ROLLBACK")
        return False
    finally:
        connection.close()


@dataclass(frozen=True)
class _Holder:
    process: subprocess.Popen[bytes]
    file: Path

    def stamped(self) -> list[int]:
        """All whole lines."""
        if not self.file.exists():
            return []
        *lines, _cut = self.file.read_text().split("\n")
        return [int(line) for line in lines]

    def count(self) -> int:
        """How many, by the size of the file."""
        return self.file.stat().st_size // LINE_BYTES if self.file.exists() else 0

    def has_stamped(self, enough: int) -> bool:
        return self.count() >= enough

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class _Holders:
    folder: Path
    all: list[_Holder] = field(default_factory=list)

    @property
    def alive(self) -> list[_Holder]:
        return [holder for holder in self.all if holder.process.returncode is None]

    async def start(self, count: int) -> None:
        """So many at once, and wait until each stamps."""
        new = [self._start_one(number) for number in range(len(self.all), len(self.all) + count)]
        self.all += new
        await _stamp_more(new)

    def _start_one(self, number: int) -> _Holder:
        file = self.folder / f"{number}.ids"
        command = [sys.executable, "-m", "tests.faults.chaos.id_process", str(self.folder), str(file)]
        return _Holder(subprocess.Popen(command, env=ENVIRONMENT, cwd=ROOT), file)


async def _stamp_more(holders: Collection[_Holder]) -> None:
    for holder, enough in [(holder, holder.count() + STAMPED_EACH) for holder in holders]:
        await wait_until(partial(holder.has_stamped, enough), at_most=STAMPED_SECONDS)


def _judge(run: Run, holders: list[_Holder]) -> None:
    times: Counter[int] = Counter()
    used_by: dict[int, set[int]] = defaultdict(set)
    numbers: dict[int, set[int]] = defaultdict(set)
    falling = 0
    for index, holder in enumerate(holders):
        last: dict[int, int] = {}
        for identifier in holder.stamped():
            number = identifier >> 12 & 0x3FF
            falling += identifier <= last.get(number, 0)
            last[number] = identifier
            times[identifier] += 1
            # Without its sequence: a millisecond of a number.
            used_by[identifier >> 12].add(index)
            numbers[number].add(index)
    twice = sum(count > 1 for count in times.values())
    shared = sum(len(users) > 1 for users in used_by.values())
    handed_on = sum(len(users) - 1 for users in numbers.values())
    run.figures |= {"ids": times.total(), "processes": len(holders), "numbers": len(numbers)}
    run.figures |= {"numbers handed on": handed_on, "twice": twice, "shared milliseconds": shared}
    run.expect("ids twice", twice, is_so=not twice)
    run.expect("ids of one process and number fall", falling, is_so=not falling)
    run.expect("milliseconds of a number that two used", shared, is_so=not shared)
    run.expect("numbers went from one to another", handed_on, is_so=handed_on > 0)
