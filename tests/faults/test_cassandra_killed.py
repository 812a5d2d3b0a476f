"""A real Cassandra node is killed in the middle of 1,000 posts: none that was acknowledged is lost, none is twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.posting import Posts, in_flight, open_posts
from tests.support.cassandra_nodes import CassandraParts, RunningCassandra, start_cassandra
from tests.support.wait_until import wait_until

Tell = Callable[[str], None]
POSTS = 1_000
AT_ONCE = 64


@dataclass(frozen=True)
class Found:
    """What there was after the kill, and after everything had been repeated under its key.

    `announced` are the tweets of all rows that the outbox then handed out, also of calls that nobody heard of.
    """

    acknowledged: int
    unknown: int
    lost: set[int]
    twice: list[str]
    listed: int
    announced: Counter[int]
    tweet_ids: set[int]

    def is_as_promised(self) -> None:
        """Fails unless it is."""
        assert not self.lost, f"{len(self.lost)} of {self.acknowledged} acknowledged posts are lost"
        assert not self.twice
        assert self.listed == len(self.tweet_ids) == POSTS
        assert set(self.announced) == self.tweet_ids


async def test_no_acknowledged_post_is_lost_and_a_repeat_answers_the_same_id(
    tmp_path: Path, cassandra_parts: CassandraParts, tell: Tell
) -> None:
    with start_cassandra(tmp_path, cassandra_parts, services=["tweet"]) as server:
        found = await _post_and_kill(server)
        again = found.announced.total() - len(found.announced)
        tell(
            f"Cassandra killed in the middle of {POSTS} posts, {AT_ONCE} at once, commitlog_sync group:"
            f" {found.acknowledged} acknowledged, {found.unknown} unknown, {len(found.lost)} lost,"
            f" {len(found.twice)} twice, all {len(found.announced)} announced ({again} of them again),"
            f" ready {server.took:.1f} s after its start"
        )
    assert found.acknowledged >= POSTS // 2
    assert found.unknown
    found.is_as_promised()


async def test_the_same_with_a_commit_log_that_is_written_later_loses_posts(
    tmp_path: Path, cassandra_parts: CassandraParts, tell: Tell
) -> None:
    """It shows that the test above can fail."""
    with start_cassandra(tmp_path, cassandra_parts, commitlog_sync="periodic", services=["tweet"]) as server:
        found = await _post_and_kill(server)
    tell(f"Cassandra, the same with commitlog_sync periodic: {len(found.lost)} of {found.acknowledged} lost")
    with pytest.raises(AssertionError, match="acknowledged posts are lost"):
        found.is_as_promised()


async def _post_and_kill(server: RunningCassandra) -> Found:
    async with open_posts(server) as posts:
        async with asyncio.TaskGroup() as group:
            group.create_task(in_flight(range(POSTS), posts.attempt, at_once=AT_ONCE))
            group.create_task(_kill_in_the_middle(posts, server))
        acknowledged, unknown = len(posts.acknowledged), sorted(posts.unknown)
        assert acknowledged + len(unknown) == POSTS
        await asyncio.to_thread(server.start)
        # Before anything is repeated: a repeat would bring back what is lost.
        await wait_until(lambda: posts.attempt(unknown[0]), at_most=60)
        lost = await posts.lost()
        if not lost:
            # Each at least once, and those that were unknown twice.
            await in_flight([*unknown, *range(POSTS)], posts.insist, at_once=AT_ONCE)
        return Found(
            acknowledged=acknowledged,
            unknown=len(unknown),
            lost=lost,
            twice=await posts.twice(),
            listed=len(await posts.listed()),
            announced=await posts.announced(),
            tweet_ids=set(posts.acknowledged.values()),
        )


async def _kill_in_the_middle(posts: Posts, server: RunningCassandra) -> None:
    await wait_until(lambda: len(posts.acknowledged) >= POSTS // 2, at_most=60)
    server.kill()
