"""What a tweet store makes of Cassandra, beyond its answers: how much it asks, and how long keys stay."""

from __future__ import annotations

from collections import Counter

from mesh.storage.cassandra import Cassandra, Row, Statement
from tests.conformance.tweet_store.between import Between
from tests.conformance.tweet_store.cases import (
    ANN,
    HASH,
    ID,
    KEY,
    NOW_US,
    a_tweet,
    first_of,
    insert,
    insert_many,
    on_cassandra,
)

CLAIM_TTL = Statement("test.ttl", "SELECT TTL(tweet_id) FROM request_keys WHERE user_id = ?")


class Counts(Between):
    """Counts statements by name, and how many run at once."""

    def __init__(self, cassandra: Cassandra) -> None:
        super().__init__(cassandra)
        self.calls: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        self.calls[statement.name] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await super().run(statement, *values)
        finally:
            self.at_once -= 1


async def test_a_page_of_an_author_asks_for_the_months_and_for_the_newest_one(cassandra: Cassandra) -> None:
    counts = Counts(cassandra)
    await insert(on_cassandra(cassandra).store, *(a_tweet(number) for number in range(1, 6)))
    await on_cassandra(counts).store.list_author_ids([ANN], below=0, above=0, limit=3)
    assert counts.calls == {"tweets.months": 1, "tweets.of_author": 1}


async def test_months_outside_the_bounds_are_not_read(cassandra: Cassandra) -> None:
    counts = Counts(cassandra)
    months = [first_of(2025, month) for month in range(1, 13)]
    await insert_many(on_cassandra(cassandra).store, *(a_tweet(month - ID) for month in months))
    found = await on_cassandra(counts).store.list_author_ids([ANN], below=months[7], above=months[4], limit=9)
    assert found == {ANN: [months[6], months[5]]}
    # Those of both bounds are looked at, because ids may lie within.
    assert counts.calls["tweets.of_author"] == 4


async def test_a_long_run_of_hidden_tweets_takes_few_reads(cassandra: Cassandra) -> None:
    counts = Counts(cassandra)
    replies = (a_tweet(number, answers=1) for number in range(2, 500))
    await insert_many(on_cassandra(cassandra).store, a_tweet(1), *replies)
    found = await on_cassandra(counts).store.list_author_ids([ANN], below=0, above=0, limit=1, exclude_replies=True)
    assert found == {ANN: [ID + 1]}
    assert counts.calls["tweets.of_author_without_replies"] < 12


async def test_many_keys_are_asked_for_a_bounded_number_at_a_time(cassandra: Cassandra) -> None:
    counts = Counts(cassandra)
    store = on_cassandra(counts).store
    await store.get_many(range(ID, ID + 500))
    assert 2 <= counts.most_at_once <= 64
    counts.most_at_once = 0
    await store.list_author_ids(range(1, 500), below=0, above=0, limit=1)
    assert 2 <= counts.most_at_once <= 32


async def test_a_key_goes_after_48_hours(cassandra: Cassandra) -> None:
    await on_cassandra(cassandra).store.claim(KEY, request_hash=HASH, candidate_id=1, at_us=NOW_US)
    ((seconds,),) = await cassandra.run(CLAIM_TTL, KEY.user_id)
    assert 47 * 3600 < seconds <= 48 * 3600
