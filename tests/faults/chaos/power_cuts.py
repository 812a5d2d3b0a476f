"""F04: the power goes at a random write, sync or delete of a file, again and again, while people post on SQLite."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from mesh.errors import Unavailable
from mesh.storage.sqlite import DamagedDatabase
from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.disk import Disk
from tests.faults.chaos.sqlite_posts import expect_whole, open_sqlite_posts
from tests.faults.posting import in_flight
from tests.support.ids import CountingIds

CUTS = Amount(60, 200, 2_000)
CONTROL_CUTS = 30
# A new store after so many, so that some cuts meet the making of one.
CUTS_OF_A_STORE = 40
# Of what was not synced: nothing is lost, any half of the sectors, everything.
DROPPED = (0.0, 0.5, 1.0)
LATEST_OPERATION = 250
POSTS_BETWEEN = 60
AT_ONCE = 8


async def cut_the_power(run: Run) -> None:
    """No acknowledged post is lost, no half of one is there. The same with synchronous=NORMAL must lose some."""
    cuts = CUTS.at(run.scale)
    answered, lost = 0, 0
    for number, first in enumerate(range(0, cuts, CUTS_OF_A_STORE)):
        life = _Life(run, number, is_relaxed=False)
        await life.live(min(CUTS_OF_A_STORE, cuts - first))
        answered, lost = answered + life.answered, lost + life.lost
    control = _Life(run, -1, is_relaxed=True)
    await control.live(CONTROL_CUTS)
    run.figures |= {"cuts": cuts, "acknowledged posts": answered, "lost": lost}
    run.figures |= {"control: acknowledged posts": control.answered, "control: lost": control.lost}
    run.expect("acknowledged posts are lost", lost, is_so=not lost)
    run.expect("with synchronous=NORMAL posts are lost", control.lost, is_so=control.lost > 0)


@dataclass
class _Life:
    """A store from its making on."""

    run: Run
    number: int
    is_relaxed: bool
    ids: CountingIds = field(default_factory=CountingIds)
    acknowledged: dict[int, int] = field(default_factory=dict)
    answered: int = 0
    lost: int = 0
    posts: int = 0

    async def live(self, cuts: int) -> None:
        """Until so many cuts, and a last look."""
        chance = random.Random(f"{self.run.seed}/{self.number}")
        folder = self.run.folder / f"{self.number}"
        folder.mkdir()
        cut = 0
        while cut < cuts:
            disk = Disk(folder)
            disk.cut_at = chance.randint(1, LATEST_OPERATION)
            await self._until_cut(folder, disk)
            cut += disk.is_off
            folder = self.run.folder / f"{self.number}.{self.posts}.{cut}"
            folder.mkdir()
            disk.found(folder, dropped=chance.choice(DROPPED), chance=chance)
        await self._until_cut(folder, Disk(folder))

    async def _until_cut(self, folder: Path, disk: Disk) -> None:
        with disk.in_use():
            try:
                await self._open_and_post(folder)
            except (apsw.Error, DamagedDatabase, Unavailable) as failure:
                # Without power nothing opens.
                self.run.expect("the store opens", repr(failure), is_so=disk.is_off)

    async def _open_and_post(self, folder: Path) -> None:
        opening = open_sqlite_posts(folder, self.ids, self.acknowledged, is_relaxed=self.is_relaxed)
        async with opening as posts:
            for number in await expect_whole(self.run, posts, folder):
                del self.acknowledged[number]
                self.lost += 1
            before = len(self.acknowledged)
            # Those of the last time once more: who had no answer repeats it under the same key.
            numbers = range(max(0, self.posts - POSTS_BETWEEN), self.posts + POSTS_BETWEEN)
            self.posts += POSTS_BETWEEN
            await in_flight(numbers, posts.attempt, at_once=AT_ONCE)
            self.answered += len(self.acknowledged) - before
