"""A real Cassandra node stands still for 10 s while people post: they are answered in time, and nothing is lost."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

from tests.faults.posting import CALL_SECONDS, CLOCK, in_flight, load, open_posts
from tests.support.cassandra_nodes import CassandraParts, start_cassandra

AT_ONCE = 32
# More calls than a service has places for.
BURST = 400
# What a call may take longer than it was given: the loop is shared by all of them and by the driver.
LITTLE_SECONDS = 0.5
STOPPED_SECONDS = 10.0
NORMAL_WITHIN_SECONDS = 5.0


async def test_every_call_is_answered_within_its_deadline_and_all_is_normal_soon_after(
    tmp_path: Path, cassandra_parts: CassandraParts, tell: Callable[[str], None]
) -> None:
    numbers = itertools.count()
    with start_cassandra(tmp_path, cassandra_parts, services=["tweet"]) as server:
        async with open_posts(server) as posts:
            async with load(posts, numbers, at_once=AT_ONCE):
                await asyncio.sleep(2)
                with server.stopped():
                    stopped = CLOCK.monotonic()
                    burst = list(itertools.islice(numbers, BURST))
                    await in_flight(burst, lambda number: posts.attempt(number, seconds=CALL_SECONDS), at_once=BURST)
                    await asyncio.sleep(stopped + STOPPED_SECONDS - CLOCK.monotonic())
                went_on = CLOCK.monotonic()
                await asyncio.sleep(NORMAL_WITHIN_SECONDS + 1)
            outcomes = list(posts.outcomes)
            lost, unknown = await posts.lost(), sorted(posts.unknown)
            await in_flight(unknown, posts.insist, at_once=AT_ONCE)
            assert not await posts.lost()
            twice, announced = await posts.twice(), await posts.announced()
    slowest = max(outcome.took for outcome in outcomes)
    failures = [outcome.ended for outcome in outcomes if not outcome.is_known]
    normal = max(0.0, max(failures) - went_on)
    tell(
        f"Cassandra stopped for {STOPPED_SECONDS:.0f} s under {AT_ONCE} posters and a burst of {BURST}:"
        f" {len(outcomes)} calls, {len(unknown)} unknown, the slowest took {slowest:.2f} s of {CALL_SECONDS:.1f} s;"
        f" {len(lost)} lost, {len(twice)} twice; the last failure {normal:.2f} s after it went on"
    )
    assert slowest <= CALL_SECONDS + LITTLE_SECONDS
    assert normal <= NORMAL_WITHIN_SECONDS
    assert not lost
    assert not twice
    assert set(announced) == set(posts.acknowledged.values())
    # It was stopped, and it was not before.
    assert min(failures) >= stopped
    assert len(unknown) >= BURST
