"""F13 on SQLite: every fifth sync of its files takes half a second longer, while people post and look things up."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator

from mesh.background import background
from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.disk import Disk
from tests.faults.chaos.samples import sampled
from tests.faults.chaos.sqlite_posts import expect_whole, open_sqlite_posts
from tests.faults.chaos.steady_lag import SAMPLED_EVERY_SECONDS, judge_lag
from tests.faults.posting import AUTHORS, CALL_SECONDS, Posts, load
from tests.support.ids import CountingIds

SECONDS = Amount(15, 60, 600)
SLOW_SHARE, SLOWER_SECONDS = 0.2, 0.5
POSTERS = 16
LEAST_IN_TIME = 0.99
P99_MS, LARGEST_MS = 50.0, 250.0
LOOK_UP_EVERY_SECONDS = 0.02
LOOKED_UP = 20


async def slow_the_disk(run: Run) -> None:
    """Nearly all calls are answered within their deadline, and the event loop waits for none of it."""
    chance, disk = random.Random(f"{run.seed}/{run.bar}"), Disk(run.folder)
    looked_up = itertools.count()
    disk.pause = lambda: SLOWER_SECONDS if chance.random() < SLOW_SHARE else 0.0
    with disk.in_use():
        async with open_sqlite_posts(run.folder, CountingIds(), {}) as posts:
            async with (
                sampled(None, every=SAMPLED_EVERY_SECONDS, itself="loop") as samples,
                background(_look_up(posts, chance, looked_up), name="looking up"),
                load(posts, itertools.count(), at_once=POSTERS),
            ):
                await asyncio.sleep(SECONDS.at(run.scale))
            lost = await expect_whole(run, posts, run.folder)
    in_time = [outcome for outcome in posts.outcomes if outcome.is_known and outcome.took <= CALL_SECONDS]
    share = len(in_time) / len(posts.outcomes)
    run.figures |= {"posts": len(posts.outcomes), "slow syncs": disk.paused, "in time": round(share, 4)}
    run.figures |= {"slowest s": round(max(outcome.took for outcome in posts.outcomes), 2), "lost": len(lost)}
    run.figures["look-ups"] = next(looked_up)
    judge_lag(samples, run, p99_ms=P99_MS, largest_ms=LARGEST_MS)
    run.expect("syncs were slow", disk.paused, is_so=disk.paused > 0)
    run.expect("posts in time", share, is_so=share >= LEAST_IN_TIME)
    run.expect("acknowledged and lost", lost, is_so=not lost)


async def _look_up(posts: Posts, chance: random.Random, looked_up: Iterator[int]) -> None:
    """Tweets and lists, again and again: they are read on the loop, and must not wait for what is written."""
    while True:
        if known := list(posts.acknowledged.values()):
            await posts.store.get_many(chance.sample(known, min(LOOKED_UP, len(known))))
            await posts.store.list_author_ids(AUTHORS, below=0, above=0, limit=LOOKED_UP)
            next(looked_up)
        await asyncio.sleep(LOOK_UP_EVERY_SECONDS)
