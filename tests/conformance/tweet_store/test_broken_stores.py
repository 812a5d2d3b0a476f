"""The suite bites: a store that breaks one promise fails the test of that promise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from mesh.errors import Unavailable
from mesh.events.interface import OutboxEvent
from mesh.storage.cassandra import Call, Cassandra, Row, Statement
from mesh.storage.cassandra_batch import Write
from mesh.storage.sqlite import SqliteDatabase
from tests.conformance.tweet_store import test_keys as keys
from tests.conformance.tweet_store import test_lists as lists
from tests.conformance.tweet_store import test_months as months
from tests.conformance.tweet_store import test_tweets as tweets
from tests.conformance.tweet_store import test_unknown_outcomes as unknown
from tests.conformance.tweet_store.between import Between
from tests.conformance.tweet_store.cases import BACKENDS, BOB, HOUR_US, KEY, NOW_US, Opened, an_event, on_cassandra
from tweet_svc.model import Claim, RequestKey, Tweet
from tweet_svc.store import TweetStore
from tweet_svc.store.sqlite import SqliteTweetStore


class ClaimsNothing(SqliteTweetStore):
    async def claim(self, key: RequestKey, *, request_hash: bytes, candidate_id: int, at_us: int) -> Claim:
        return Claim(candidate_id, replayed=False)


class ComparesNoRequests(SqliteTweetStore):
    async def claim(self, key: RequestKey, *, request_hash: bytes, candidate_id: int, at_us: int) -> Claim:
        return await super().claim(key, request_hash=b"", candidate_id=candidate_id, at_us=at_us)


class SharesKeysAmongUsers(SqliteTweetStore):
    async def claim(self, key: RequestKey, *, request_hash: bytes, candidate_id: int, at_us: int) -> Claim:
        return await super().claim(replace(key, user_id=1), request_hash=b"", candidate_id=candidate_id, at_us=at_us)


class Resurrects(SqliteTweetStore):
    async def insert(self, tweet: Tweet, *, announce: OutboxEvent, at_us: int) -> None:
        await execute(self._database, "DELETE FROM tweets WHERE tweet_id = ?", tweet.tweet_id)
        await super().insert(tweet, announce=announce, at_us=at_us)


class SavesTheEventLater(SqliteTweetStore):
    async def insert(self, tweet: Tweet, *, announce: OutboxEvent, at_us: int) -> None:
        await super().insert(tweet, announce=an_event(announce.event_id), at_us=at_us)
        await self._database.write(
            lambda connection: connection.execute("UPDATE outbox SET payload = ?", (announce.payload,)).fetchall()
        )


class AnnouncesNothing(SqliteTweetStore):
    async def delete(self, tweet: Tweet, *, announce: OutboxEvent, at_us: int) -> None:
        await execute(
            self._database, "UPDATE tweets SET content = '', deleted_us = 1 WHERE tweet_id = ?", tweet.tweet_id
        )


class KeepsTheText(SqliteTweetStore):
    async def delete(self, tweet: Tweet, *, announce: OutboxEvent, at_us: int) -> None:
        await execute(self._database, "UPDATE tweets SET deleted_us = 1 WHERE tweet_id = ?", tweet.tweet_id)


class ForgetsDeletedTweets(SqliteTweetStore):
    async def delete(self, tweet: Tweet, *, announce: OutboxEvent, at_us: int) -> None:
        await execute(self._database, "DELETE FROM tweets WHERE tweet_id = ?", tweet.tweet_id)


class KeepsDeletedTweetsInLists(SqliteTweetStore):
    async def delete(self, tweet: Tweet, *, announce: OutboxEvent, at_us: int) -> None:
        await execute(self._database, "UPDATE tweets SET content = '' WHERE tweet_id = ?", tweet.tweet_id)


class TakesBoundsInclusively(SqliteTweetStore):
    async def list_author_ids(
        self, user_ids: Sequence[int], *, below: int, above: int, limit: int, exclude_replies: bool = False
    ) -> dict[int, list[int]]:
        return await super().list_author_ids(
            user_ids,
            below=below + 1 if below else 0,
            above=max(0, above - 1),
            limit=limit,
            exclude_replies=exclude_replies,
        )


class ListsOldestFirst(SqliteTweetStore):
    async def list_author_ids(
        self, user_ids: Sequence[int], *, below: int, above: int, limit: int, exclude_replies: bool = False
    ) -> dict[int, list[int]]:
        found = await super().list_author_ids(
            user_ids, below=below, above=above, limit=limit, exclude_replies=exclude_replies
        )
        return {user_id: sorted(ids) for user_id, ids in found.items()}


class GivesNoReplies(SqliteTweetStore):
    async def list_reply_ids(self, tweet_id: int, *, below: int, limit: int) -> list[int]:
        return []


class StampsByTheClock(Between):
    """Of Cassandra: an insert has the time of the insert, and not that of the id."""

    async def encoded(self, *calls: Call) -> list[Write]:
        late = [
            (statement, (*values[:-1], NOW_US + HOUR_US) if statement.name.startswith("tweets.insert") else values)
            for statement, values in calls
        ]
        return await super().encoded(*late)


class MarksOnlyTheBody(Between):
    """Of Cassandra: a delete leaves the lists alone."""

    async def encoded(self, *calls: Call) -> list[Write]:
        return await super().encoded(*(call for call in calls if call[0].name != "tweets.delete_of_user"))


class ReadsOneMonth(Between):
    """Of Cassandra: a list ends with the month in which it began."""

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        rows = await super().run(statement, *values)
        return rows[:1] if statement.name == "tweets.months" else rows


class LooksNoClaimUp(Between):
    """Of Cassandra: after an answer that was lost nobody asks whose key it is."""

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        return [] if statement.name == "tweets.claimed" else await super().run(statement, *values)


async def execute(database: SqliteDatabase, statement: str, tweet_id: int) -> None:
    def work(connection: apsw.Connection) -> None:
        connection.execute(statement, (tweet_id,))

    await database.write(work)


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (ClaimsNothing, keys.test_every_later_call_returns_the_stored_id),
        (ComparesNoRequests, keys.test_another_request_under_the_same_key_is_refused_and_changes_nothing),
        (Resurrects, tweets.test_inserting_never_brings_back_a_deleted_tweet),
        (KeepsTheText, tweets.test_a_deleted_tweet_loses_its_text_and_nothing_else),
        (ForgetsDeletedTweets, tweets.test_a_deleted_tweet_loses_its_text_and_nothing_else),
        (KeepsDeletedTweetsInLists, tweets.test_no_list_has_a_deleted_tweet),
        (TakesBoundsInclusively, lists.test_both_bounds_are_exclusive),
        (ListsOldestFirst, lists.test_tweets_of_an_author_come_newest_first),
        (GivesNoReplies, lists.test_replies_to_a_deleted_tweet_stay),
    ],
)
async def test_a_store_that_breaks_a_promise_fails_its_test(
    broken: type[SqliteTweetStore], check: Callable[[TweetStore], Awaitable[None]], tmp_path: Path
) -> None:
    async with BACKENDS["sqlite"](tmp_path) as opened:
        with pytest.raises((AssertionError, KeyError, pytest.fail.Exception)):
            await check(_with(broken, opened).store)


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (SavesTheEventLater, tweets.test_a_tweet_whose_event_cannot_be_saved_is_not_saved),
        (AnnouncesNothing, tweets.test_a_delete_is_announced),
    ],
)
async def test_a_store_that_loses_events_fails_its_test(
    broken: type[SqliteTweetStore], check: Callable[[Opened], Awaitable[None]], tmp_path: Path
) -> None:
    async with BACKENDS["sqlite"](tmp_path) as opened:
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            await check(_with(broken, opened))


async def test_a_store_that_shares_keys_among_users_fails_its_test(tmp_path: Path) -> None:
    async with BACKENDS["sqlite"](tmp_path) as opened:
        with pytest.raises(AssertionError):
            await keys.test_keys_of_other_users_and_methods_are_other_keys(
                _with(SharesKeysAmongUsers, opened).store, replace(KEY, user_id=BOB)
            )


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (MarksOnlyTheBody, tweets.test_no_list_has_a_deleted_tweet),
        (ReadsOneMonth, months.test_months_of_deleted_tweets_make_no_page_short),
    ],
)
async def test_a_store_that_uses_cassandra_wrongly_fails_its_test(
    broken: type[Between], check: Callable[[TweetStore], Awaitable[None]], tmp_path: Path
) -> None:
    async with BACKENDS["cassandra"](tmp_path) as opened:
        assert isinstance(opened.engine, Cassandra)
        with pytest.raises(AssertionError):
            await check(on_cassandra(broken(opened.engine)).store)


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (StampsByTheClock, unknown.test_an_insert_that_is_done_after_the_delete_brings_nothing_back),
        (LooksNoClaimUp, unknown.test_a_claim_whose_answer_is_lost_is_looked_up),
    ],
)
async def test_a_store_that_believes_cassandra_fails_its_test(
    broken: type[Between], check: Callable[[Cassandra], Awaitable[None]], tmp_path: Path
) -> None:
    async with BACKENDS["cassandra"](tmp_path) as opened:
        assert isinstance(opened.engine, Cassandra)
        with pytest.raises((AssertionError, Unavailable)):
            await check(broken(opened.engine))


def _with(broken: type[SqliteTweetStore], opened: Opened) -> Opened:
    assert isinstance(opened.engine, SqliteDatabase)
    return replace(opened, store=broken(opened.engine))
