"""The suites bite: a store that breaks one promise fails the test of it, and any sequence finds the broken counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from engagement_svc.model import Drift, Engagement, LikeEdge, Liking
from engagement_svc.store.cassandra import CassandraEngagementStore
from engagement_svc.store.cassandra_marks import Partition
from engagement_svc.store.cassandra_settling import Reading, Settling
from engagement_svc.store.sqlite import SqliteEngagementStore
from tests.conformance.engagement_store import test_likes, test_tweets
from tests.conformance.engagement_store.backends import Backend, Open, as_it_is, empty, open_cassandra, open_sqlite
from tests.conformance.engagement_store.machine import EngagementStoreMachine


class Broken(SqliteEngagementStore):
    """What the broken stores below share: a statement of their own after the right ones."""

    async def _after(self, statement: str, *bindings: int) -> None:
        await self._database.write(lambda connection: connection.execute(statement, bindings).fetchall())


class NewIdForEachLike(Broken):
    async def like(self, user_id: int, tweet_id: int, *, new_edge_id: int, now_us: int) -> Liking:
        liking = await super().like(user_id, tweet_id, new_edge_id=new_edge_id, now_us=now_us)
        await self._after(
            "UPDATE likes SET edge_id = ? WHERE user_id = ? AND tweet_id = ?", new_edge_id, user_id, tweet_id
        )
        return replace(liking, edge=replace(liking.edge, edge_id=new_edge_id))


class EachLikeCounts(Broken):
    async def like(self, user_id: int, tweet_id: int, *, new_edge_id: int, now_us: int) -> Liking:
        (before,) = await self.engagements([tweet_id], viewer_id=0)
        liking = await super().like(user_id, tweet_id, new_edge_id=new_edge_id, now_us=now_us)
        count = before.likes_count + 1
        await self._after("UPDATE tweet_counts SET likes_count = ? WHERE tweet_id = ?", count, tweet_id)
        return replace(liking, likes_count=count)


class EachUnlikeCounts(Broken):
    async def unlike(self, user_id: int, tweet_id: int, *, now_us: int) -> Liking | None:
        (before,) = await self.engagements([tweet_id], viewer_id=0)
        liking = await super().unlike(user_id, tweet_id, now_us=now_us)
        count = before.likes_count - 1
        await self._after("UPDATE tweet_counts SET likes_count = ? WHERE tweet_id = ?", count, tweet_id)
        return replace(liking, likes_count=count) if liking else None


class OpTimeIsTheClock(Broken):
    async def unlike(self, user_id: int, tweet_id: int, *, now_us: int) -> Liking | None:
        liking = await super().unlike(user_id, tweet_id, now_us=now_us)
        return replace(liking, edge=replace(liking.edge, op_time_us=now_us)) if liking else None


class CountBeforeTheCall(Broken):
    async def like(self, user_id: int, tweet_id: int, *, new_edge_id: int, now_us: int) -> Liking:
        (before,) = await self.engagements([tweet_id], viewer_id=0)
        liking = await super().like(user_id, tweet_id, new_edge_id=new_edge_id, now_us=now_us)
        return replace(liking, likes_count=before.likes_count)


class OldestFirst(Broken):
    async def likes(self, tweet_id: int, *, below_edge_id: int, limit: int) -> list[LikeEdge]:
        return (await super().likes(tweet_id, below_edge_id=below_edge_id, limit=limit))[::-1]


class PagesOverlap(Broken):
    async def likes(self, tweet_id: int, *, below_edge_id: int, limit: int) -> list[LikeEdge]:
        return await super().likes(tweet_id, below_edge_id=below_edge_id and below_edge_id + 1, limit=limit)


class UntouchedTweetsAreLeftOut(Broken):
    async def engagements(self, tweet_ids: Sequence[int], *, viewer_id: int) -> list[Engagement]:
        found = await super().engagements(tweet_ids, viewer_id=viewer_id)
        return [each for each in found if each.likes_count or each.replies_count]


class RemovedTweetsLeaveNoTrace(Broken):
    async def remove_tweet(self, tweet_id: int, *, author_id: int, parent_id: int) -> None:
        await super().remove_tweet(tweet_id, author_id=author_id, parent_id=parent_id)
        await self._after("DELETE FROM tweets WHERE tweet_id = ?", tweet_id)


class EachTellingCounts(Broken):
    async def add_tweet(self, tweet_id: int, *, author_id: int, parent_id: int) -> None:
        counts = await self.tweets_counts([author_id])
        await super().add_tweet(tweet_id, author_id=author_id, parent_id=parent_id)
        await self._after(
            "UPDATE author_counts SET tweets_count = ? WHERE author_id = ?", counts[author_id] + 1, author_id
        )


class RemovingTakesTheLikes(Broken):
    async def remove_tweet(self, tweet_id: int, *, author_id: int, parent_id: int) -> None:
        await super().remove_tweet(tweet_id, author_id=author_id, parent_id=parent_id)
        await self._after("DELETE FROM likes WHERE tweet_id = ?", tweet_id)


class OldestFirstOnCassandra(CassandraEngagementStore):
    async def likes(self, tweet_id: int, *, below_edge_id: int, limit: int) -> list[LikeEdge]:
        return (await super().likes(tweet_id, below_edge_id=below_edge_id, limit=limit))[::-1]


class RemovedIsNotLaterOnCassandra(CassandraEngagementStore):
    async def _tell(self, tweet_id: int, author_id: int, parent_id: int, *, op_us: int, is_live: bool) -> None:
        await super()._tell(tweet_id, author_id, parent_id, op_us=1, is_live=is_live)


class NeverCountsDown(Settling):
    async def _apply(self, partition: Partition, reading: Reading) -> int | None:
        if reading.count_after < reading.count:
            return reading.version
        return await super()._apply(partition, reading)


class SeesNoDrift(EachLikeCounts):
    async def drifts(self) -> list[Drift]:
        return []


Promise = Callable[[Backend], Awaitable[None]]

CASES: list[tuple[type[Broken], Promise]] = [
    (NewIdForEachLike, test_likes.test_a_later_like_keeps_id_and_time_of_the_first),
    (NewIdForEachLike, test_likes.test_likes_are_newest_edge_first_and_live),
    (EachLikeCounts, test_likes.test_a_live_like_given_again_is_returned_as_stored),
    (EachUnlikeCounts, test_likes.test_a_like_taken_back_twice_is_returned_as_stored),
    (OpTimeIsTheClock, test_likes.test_op_time_grows_though_the_clock_is_set_back),
    (CountBeforeTheCall, test_likes.test_each_call_answers_the_likes_after_it),
    (OldestFirst, test_likes.test_likes_are_newest_edge_first_and_live),
    (PagesOverlap, test_likes.test_pages_of_likes_go_down_from_an_edge),
    (UntouchedTweetsAreLeftOut, test_likes.test_engagements_are_in_the_order_asked_with_known_zeros),
    (RemovedTweetsLeaveNoTrace, test_tweets.test_a_tweet_removed_before_it_was_added_stays_removed),
    (RemovedTweetsLeaveNoTrace, test_tweets.test_every_order_of_repeated_events_ends_alike),
    (EachTellingCounts, test_tweets.test_a_tweet_told_twice_is_counted_once),
    (RemovingTakesTheLikes, test_tweets.test_replies_and_likes_of_a_removed_tweet_stay),
]


CASSANDRA_CASES: list[tuple[type[CassandraEngagementStore], Promise]] = [
    (OldestFirstOnCassandra, test_likes.test_likes_are_newest_edge_first_and_live),
    (RemovedIsNotLaterOnCassandra, test_tweets.test_a_tweet_removed_before_it_was_added_stays_removed),
]


@pytest.mark.parametrize(("broken", "promise"), CASES, ids=lambda case: case.__name__)
async def test_a_broken_promise_is_seen(broken: type[Broken], promise: Promise, tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, broken) as backend:
        with pytest.raises(AssertionError):
            await promise(backend)


@pytest.mark.parametrize(("broken", "promise"), CASSANDRA_CASES, ids=lambda case: case.__name__)
async def test_a_broken_promise_is_seen_on_cassandra(
    broken: type[CassandraEngagementStore], promise: Promise, tmp_path: Path
) -> None:
    async with open_cassandra(tmp_path, broken) as backend:
        with pytest.raises(AssertionError):
            await promise(backend)


async def test_a_count_that_is_not_the_rows_is_a_drift(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, EachLikeCounts) as backend:
        for edge_id in (7, 8):
            await backend.store.like(1, 2, new_edge_id=edge_id, now_us=0)
        assert await backend.store.drifts() == [Drift(2, "likes", kept=2, actual=1)]


@pytest.mark.parametrize(
    "broken",
    [NewIdForEachLike, EachUnlikeCounts, SeesNoDrift, OldestFirst, RemovedTweetsLeaveNoTrace, EachTellingCounts],
)
def test_any_sequence_finds_it(broken: type[Broken]) -> None:
    assert_is_found(partial(open_sqlite, store_class=broken))


def test_any_sequence_finds_it_on_cassandra(tmp_path: Path) -> None:
    asyncio.run(empty(open_cassandra, tmp_path))
    assert_is_found(partial(open_cassandra, settling_class=NeverCountsDown, keyspace=as_it_is))


def assert_is_found(open_backend: Open) -> None:
    machine = type("Machine", (EngagementStoreMachine,), {"open_backend": staticmethod(open_backend)})
    # The same sequences in every run: it must not depend on luck whether one is found.
    quick = settings(
        max_examples=200,
        stateful_step_count=30,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=quick)
