"""Calls to a real Cassandra whose deadline ends in the middle of a commit: in the end all of it is done, or nothing.

A repeat finds out which.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from random import Random

import pytest

from mesh.interceptors.deadline import HOP_MARGIN_SECONDS
from mesh.storage.cassandra import Cassandra
from mesh.storage.cassandra_outbox import CassandraOutbox
from tests.faults.posting import CLOCK, Posts, ids_of, in_flight
from tests.support.cassandra import open_keyspace
from tests.support.wait_until import wait_until
from tweet_svc.store.cassandra import CassandraTweetStore

POSTS = 300
AT_ONCE = 8


@pytest.fixture
async def cassandra() -> AsyncIterator[Cassandra]:
    async with open_keyspace("tweet") as opened:
        yield opened


@pytest.fixture
async def posts(cassandra: Cassandra) -> AsyncIterator[Posts]:
    outbox = CassandraOutbox(cassandra)
    async with ids_of(cassandra) as ids:
        yield Posts(CassandraTweetStore(cassandra, outbox), outbox, ids)


async def is_whole(posts: Posts) -> bool:
    """Whether tweets, lists and events are of the same posts, once a reader has completed what was cut off."""
    announced, listed = set(await posts.announced()), set(await posts.listed())
    return listed == announced == set(await posts.store.get_many(list(listed | announced)))


async def test_a_post_is_done_as_a_whole_or_not_at_all(posts: Posts, tell: Callable[[str], None]) -> None:
    # How long a post takes on this machine, when all is prepared.
    for number in range(-2 * AT_ONCE, 0):
        await posts.attempt(number)
    began = CLOCK.monotonic()
    await in_flight(range(-10 * AT_ONCE, -2 * AT_ONCE), posts.attempt, at_once=AT_ONCE)
    usual = (CLOCK.monotonic() - began) / 8
    random = Random(4)

    async def hurry(number: int) -> None:
        await posts.attempt(number, seconds=HOP_MARGIN_SECONDS + random.uniform(0, 1.5 * usual))

    await in_flight(range(POSTS), hurry, at_once=AT_ONCE)
    unknown = sorted(posts.unknown)
    # What was sent is carried out, also when nobody waits for it any more.
    await wait_until(lambda: is_whole(posts))
    done = len(await posts.listed()) - len(posts.acknowledged)
    await in_flight([*unknown, *unknown], posts.insist, at_once=AT_ONCE)
    lost, twice = await posts.lost(), await posts.twice()
    tell(
        f"{POSTS} posts on Cassandra with deadlines up to {1_500 * usual:.0f} ms: {len(unknown)} unknown,"
        f" of which {done} were done; after repeats {len(lost)} lost, {len(twice)} twice"
    )
    assert not lost
    assert not twice
    assert await is_whole(posts)
    assert set(await posts.listed()) == set(posts.acknowledged.values())
    # The deadlines fell before, into and after the commit.
    assert 0 < done < len(unknown) < POSTS
