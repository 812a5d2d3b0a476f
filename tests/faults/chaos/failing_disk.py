"""F15: the disk is full, or fails, from the N-th operation on for a while, as a store is made and as people post."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack
from pathlib import Path

import apsw

from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.disk import Disk, Fault
from tests.faults.chaos.sqlite_posts import expect_whole, integrity, open_sqlite_posts
from tests.faults.posting import Posts, in_flight
from tests.support.ids import CountingIds

# N goes from 1 up to this, for every kind of fault.
OPERATIONS = Amount(15, 50, 500)
LONGEST = 40
POSTS = 40
AT_ONCE = 8
MOST_OPENINGS = LONGEST + 1


async def fail_the_disk(run: Run) -> None:
    """Nothing is acknowledged that is not there; once the disk works again, so does the process that has it open."""
    chance = random.Random(f"{run.seed}/{run.bar}")
    run.figures |= dict.fromkeys(("failed operations", "refused openings", "refused posts", "lost"), 0)
    for number in range(1, OPERATIONS.at(run.scale) + 1):
        for fault in Fault:
            folder = run.folder / f"{number}-{fault.name}"
            folder.mkdir()
            await _fill_and_free(run, folder, fault, number=number, long=chance.randint(1, LONGEST))
    run.expect("operations failed", run.figures, is_so=run.figures["failed operations"] > 0)
    run.expect("posts were refused", run.figures, is_so=run.figures["refused posts"] > 0)


async def _fill_and_free(run: Run, folder: Path, fault: Fault, *, number: int, long: int) -> None:
    disk, acknowledged = Disk(folder), dict[int, int]()
    disk.fails(fault, range(number, number + long))
    with disk.in_use():
        async with AsyncExitStack() as stack:
            posts = await _opened(run, stack, folder, acknowledged)
            disk.fails(fault, range(disk.operations + number, disk.operations + number + long))
            await in_flight(range(POSTS), posts.attempt, at_once=AT_ONCE)
            run.figures["refused posts"] += len(posts.unknown)
            disk.fails(fault, range(0))
            await in_flight(range(POSTS), posts.attempt, at_once=AT_ONCE)
            run.expect(f"{fault} at {number}: all is taken once the disk works", posts.unknown, is_so=not posts.unknown)
            lost = await expect_whole(run, posts, folder)
            # What a power cut would leave: a sync that failed must not have been taken for one that did not.
            after = folder / "after"
            after.mkdir()
            disk.found(after, dropped=1.0, chance=random.Random(number))
    run.figures["failed operations"] += disk.failed
    for each in (folder, after):
        async with open_sqlite_posts(each, CountingIds(), acknowledged) as posts:
            lost |= await expect_whole(run, posts, each)
    run.expect(f"{fault} at {number}: acknowledged and lost", lost, is_so=not lost)
    run.figures["lost"] += len(lost)
    found = integrity(folder)
    run.expect(f"{fault} at {number}: SQLite's check", found, is_so=found == ["ok"])


async def _opened(run: Run, stack: AsyncExitStack, folder: Path, acknowledged: dict[int, int]) -> Posts:
    """As a service that ends when it cannot open its store, and is started again."""
    for _ in range(MOST_OPENINGS):
        try:
            return await stack.enter_async_context(open_sqlite_posts(folder, CountingIds(), acknowledged))
        except (apsw.FullError, apsw.IOError):
            run.figures["refused openings"] += 1
    raise AssertionError(f"a store that does not open in {MOST_OPENINGS} times")
