"""Cassandra may do what it did not answer to, or do it late. A repeat finds the same id, the same tweet, one event."""

from __future__ import annotations

import asyncio

import pytest

from mesh.errors import Unavailable
from mesh.ids import id_time_us
from mesh.storage.cassandra import Cassandra, Statement
from tests.conformance.tweet_store.between import HoldsWrites, LosesAnswers, LosesCalls
from tests.conformance.tweet_store.cases import (
    BOB,
    HASH,
    ID,
    KEY,
    NOW_US,
    OTHER_HASH,
    a_tweet,
    delete,
    insert,
    newest,
    on_cassandra,
)
from tweet_svc.model import Claim, RequestIdReused
from tweet_svc.store import TweetStore

BODY_ALONE = Statement(
    "test.body",
    "INSERT INTO tweet_by_id (tweet_id, user_id, content, in_reply_to_tweet_id, conversation_id)"
    " VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?",
)
DELETED_ALONE = Statement(
    "test.deleted", "UPDATE tweet_by_id USING TIMESTAMP ? SET content = '', is_deleted = true WHERE tweet_id = ?"
)
WRITTEN_US = id_time_us(ID)


async def claim(store: TweetStore, candidate_id: int, *, request_hash: bytes = HASH) -> Claim:
    return await store.claim(KEY, request_hash=request_hash, candidate_id=candidate_id, at_us=NOW_US)


async def test_a_claim_whose_answer_is_lost_is_looked_up(cassandra: Cassandra) -> None:
    lossy, store = on_cassandra(LosesAnswers(cassandra, "tweets.claim")).store, on_cassandra(cassandra).store
    assert await claim(lossy, 1) == Claim(1, replayed=False)
    assert await claim(store, 2) == Claim(1, replayed=True)
    with pytest.raises(RequestIdReused):
        await claim(store, 3, request_hash=OTHER_HASH)


async def test_a_claim_that_cannot_be_looked_up_gives_the_same_id_the_next_time(cassandra: Cassandra) -> None:
    store = on_cassandra(LosesAnswers(cassandra, "tweets.claim", "tweets.claimed")).store
    with pytest.raises(Unavailable):
        await claim(store, 1)
    assert await claim(store, 2) == Claim(1, replayed=True)


async def test_a_claim_that_was_not_done_is_tried_again(cassandra: Cassandra) -> None:
    assert await claim(on_cassandra(LosesCalls(cassandra, "tweets.claim")).store, 1) == Claim(1, replayed=False)
    assert await claim(on_cassandra(cassandra).store, 2) == Claim(1, replayed=True)


async def test_a_claim_that_is_never_done_is_unknown(cassandra: Cassandra) -> None:
    store = on_cassandra(LosesCalls(cassandra, *["tweets.claim"] * 3)).store
    with pytest.raises(Unavailable):
        await claim(store, 1)
    assert await claim(store, 2) == Claim(2, replayed=False)


async def test_a_lost_race_whose_answer_is_lost_gives_the_id_of_the_winner(cassandra: Cassandra) -> None:
    await claim(on_cassandra(cassandra).store, 1)
    lossy = on_cassandra(LosesAnswers(cassandra, "tweets.claim", "tweets.claim")).store
    assert await claim(lossy, 2) == Claim(1, replayed=True)
    with pytest.raises(RequestIdReused):
        await claim(lossy, 3, request_hash=OTHER_HASH)


async def test_an_insert_whose_answer_is_lost_may_be_repeated(cassandra: Cassandra) -> None:
    opened = on_cassandra(LosesAnswers(cassandra, "tweets.insert"))
    with pytest.raises(Unavailable):
        await insert(opened.store, a_tweet(1))
    await insert(opened.store, a_tweet(1))
    assert await newest(opened.store) == [1]
    assert await opened.announced() == [ID + 1]


async def test_a_delete_whose_answer_is_lost_may_be_repeated(cassandra: Cassandra) -> None:
    opened = on_cassandra(LosesAnswers(cassandra, "tweets.delete"))
    await insert(opened.store, a_tweet(1))
    with pytest.raises(Unavailable):
        await delete(opened.store, a_tweet(1))
    await delete(opened.store, a_tweet(1))
    assert (await opened.store.get_many([ID + 1]))[ID + 1].is_deleted
    assert len(await opened.announced()) == 2


async def test_an_insert_that_is_done_after_the_delete_brings_nothing_back(cassandra: Cassandra) -> None:
    parent, reply = a_tweet(1, by=BOB), a_tweet(2, answers=1)
    store, slow = on_cassandra(cassandra).store, HoldsWrites(cassandra)
    async with asyncio.TaskGroup() as tasks:
        # It has seen that the tweet is not there yet.
        tasks.create_task(insert(on_cassandra(slow).store, reply))
        await slow.has_one.wait()
        await insert(store, parent, reply)
        await delete(store, reply)
        slow.goes_on.set()
    found = (await store.get_many([reply.tweet_id]))[reply.tweet_id]
    assert (found.is_deleted, found.content) == (True, "")
    assert await newest(store) == []
    assert await store.list_reply_ids(parent.tweet_id, below=0, limit=5) == []


async def test_an_insert_that_is_done_twice_at_once_makes_one_tweet(cassandra: Cassandra) -> None:
    opened, slow = on_cassandra(cassandra), HoldsWrites(cassandra)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(insert(on_cassandra(slow).store, a_tweet(1)))
        await slow.has_one.wait()
        await insert(opened.store, a_tweet(1))
        slow.goes_on.set()
    assert await newest(opened.store) == [1]
    assert await opened.store.get_many([ID + 1]) == {ID + 1: a_tweet(1)}


async def test_a_repeat_brings_into_the_lists_what_a_call_that_was_cut_off_did_not(cassandra: Cassandra) -> None:
    store, tweet = on_cassandra(cassandra).store, a_tweet(1)
    await cassandra.run(BODY_ALONE, tweet.tweet_id, tweet.user_id, tweet.content, 0, tweet.conversation_id, WRITTEN_US)
    assert await newest(store) == []
    await insert(store, tweet)
    assert await newest(store) == [1]
    await cassandra.run(DELETED_ALONE, NOW_US, tweet.tweet_id)
    assert await newest(store) == [1]
    await delete(store, tweet)
    await insert(store, tweet)
    assert await newest(store) == []
