"""F16: the clocks of id processes on one store jump, back and ahead, also from one start to the next."""

from __future__ import annotations

import random
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from mesh.clock import FrozenClock
from mesh.errors import Unavailable
from mesh.ids import RENEWAL, STEADY, LeasedIds, id_time_us
from mesh.storage.id_leases import SqliteIdLeases
from mesh.storage.sqlite import open_database
from tests.faults.chaos.bar import Amount, Run
from tests.support.wrong_clock import WrongClock

IDS = Amount(20_000, 50_000, 1_000_000)
PROCESSES = 3
JUMPS = tuple(timedelta(seconds=seconds) for seconds in (-1, -60, -86_400, 4, 3_600))
MOST_AHEAD = timedelta(seconds=10)
# Each second of a process's life: whether its clock jumps, or is put right, and whether it is started again.
JUMP_SHARE, RIGHT_SHARE, RESTART_SHARE = 0.05, 0.1, 0.02
MOST_IDS_A_SECOND = 60
# A clock that is right again is believed by then, and a number is had.
RECOVERED = STEADY + RENEWAL


async def jump_clocks(run: Run) -> None:
    """No id twice, those of a process under one number in order, and none ahead of the time by a clock that jumped."""
    chance, true = random.Random(f"{run.seed}/{run.bar}"), FrozenClock()
    schema = run.folder / "schema"
    schema.mkdir()
    async with open_database(run.folder / "ids.db", component="ids", schema=schema) as database:
        leases = SqliteIdLeases(database)
        processes = [_Process(leases, true, chance) for _ in range(PROCESSES)]
        for process in processes:
            await process.start()
        while sum(len(process.stamped) for process in processes) < IDS.at(run.scale):
            true.advance(timedelta(milliseconds=chance.randint(900, 1_100)))
            for process in processes:
                await process.live_a_second()
    stamped = [identifier for process in processes for identifier in process.stamped]
    twice = len(stamped) - len(set(stamped))
    jumps = sum(process.jumps for process in processes)
    run.figures |= {"ids": len(stamped), "jumps": jumps, "seconds": round(true.monotonic())}
    run.figures["starts with a wrong clock"] = sum(process.wrong_starts for process in processes)
    run.figures["refused"] = sum(process.refused for process in processes)
    run.figures["twice"] = twice
    run.figures["most ahead s"] = max(process.most_ahead for process in processes).total_seconds()
    believed = max(process.most_ahead_believed for process in processes)
    run.figures["most ahead by a clock that was believed s"] = believed.total_seconds()
    run.expect("ids twice", twice, is_so=not twice)
    for process in processes:
        run.expect("ids of one process and number fall", process.falling, is_so=not process.falling)
        run.expect("an id ahead of the time", process.most_ahead, is_so=process.most_ahead <= MOST_AHEAD)
        run.expect("no ids though the clock is right", process.not_recovered, is_so=not process.not_recovered)
    run.expect("ids were refused", run.figures, is_so=run.figures["refused"] > 0)


@dataclass
class _Process:
    """One that stamps ids, under a clock that nobody can trust."""

    leases: SqliteIdLeases
    true: FrozenClock
    chance: random.Random
    clock: WrongClock = field(init=False)
    ids: LeasedIds = field(init=False)
    stamped: list[int] = field(default_factory=list)
    jumps: int = 0
    wrong_starts: int = 0
    refused: int = 0
    falling: int = 0
    most_ahead: timedelta = timedelta()
    # A clock that has run evenly for long, or was wrong from the start, cannot be told from a right one.
    most_ahead_believed: timedelta = timedelta()
    not_recovered: int = 0

    async def start(self) -> None:
        """Anew on the same store, with the clock as it is."""
        error = self.clock.error if self.jumps else timedelta()
        self.clock = WrongClock(self.true)
        self.clock.error = error
        self.wrong_starts += bool(error)
        self.is_believed = bool(error)
        self.changed_at = self.true.monotonic()
        self.last_by_number: dict[int, int] = defaultdict(int)
        self.ids = LeasedIds(self.leases, service="tweet", owner="a process", clock=self.clock)
        await self.ids.keep()

    async def live_a_second(self) -> None:
        """Perhaps the clock jumps or is put right, perhaps it starts again; its keeper comes by; ids are asked for."""
        if self.clock.error:
            if self.chance.random() < RIGHT_SHARE:
                self._set_clock(timedelta())
        elif self.chance.random() < JUMP_SHARE:
            self.jumps += 1
            self._set_clock(self.chance.choice(JUMPS))
        if self.chance.random() < RESTART_SHARE:
            await self.start()
        self._stamp()
        await self.ids.keep()
        self._stamp()

    def _set_clock(self, error: timedelta) -> None:
        self.clock.error = error
        self.changed_at = self.true.monotonic()
        self.is_believed = False

    def _stamp(self) -> None:
        steady = timedelta(seconds=self.true.monotonic() - self.changed_at)
        is_believed = self.is_believed or (bool(self.clock.error) and steady >= STEADY)
        for _ in range(self.chance.randint(0, MOST_IDS_A_SECOND)):
            identifier = None
            with suppress(Unavailable):
                identifier = self.ids.next_id()
            if identifier is None:
                self.refused += 1
                self.not_recovered += not self.clock.error and steady > RECOVERED
                return
            number = identifier >> 12 & 0x3FF
            self.falling += identifier <= self.last_by_number[number]
            self.last_by_number[number] = identifier
            self.stamped.append(identifier)
            ahead = timedelta(microseconds=id_time_us(identifier) - self.true.now_us())
            if is_believed:
                self.most_ahead_believed = max(ahead, self.most_ahead_believed)
            else:
                self.most_ahead = max(ahead, self.most_ahead)
