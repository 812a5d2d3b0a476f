"""What TweetStore promises of single tweets: insert, delete, get_many."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from mesh.events.interface import OutboxEvent
from mesh.ids import id_time_us
from tests.conformance.tweet_store.cases import (
    BOB,
    ID,
    NOW_US,
    Open,
    Opened,
    a_tweet,
    an_event,
    delete,
    insert,
    insert_many,
    newest,
)
from tweet_svc.store import TweetStore

UNSAVABLE = OutboxEvent(7, "ev.tweet.created.00", cast("bytes", cast("Any", object())))


async def test_after_insert_every_read_sees_the_tweet(store: TweetStore) -> None:
    parent, reply = a_tweet(1, by=BOB), a_tweet(2, content="naïve 🐦\n\ttabbed", answers=1)
    await insert(store, parent, reply)
    assert await store.get_many([reply.tweet_id]) == {reply.tweet_id: reply}
    assert await newest(store) == [2]
    assert await store.list_reply_ids(parent.tweet_id, below=0, limit=10) == [reply.tweet_id]


async def test_a_tweet_is_announced_when_it_is_saved(opened: Opened) -> None:
    await insert(opened.store, a_tweet(1))
    assert await opened.announced() == [ID + 1]


async def test_a_tweet_whose_event_cannot_be_saved_is_not_saved(opened: Opened) -> None:
    with pytest.raises(Exception, match=r"\w"):
        await opened.store.insert(a_tweet(1), announce=UNSAVABLE, at_us=NOW_US)
    assert await opened.store.get_many([ID + 1]) == {}
    assert await newest(opened.store) == []
    assert await opened.announced() == []


async def test_inserting_the_same_tweet_again_changes_nothing(opened: Opened) -> None:
    tweet = a_tweet(1)
    await insert(opened.store, tweet, replace(tweet, content="other"))
    assert await opened.store.get_many([tweet.tweet_id]) == {tweet.tweet_id: tweet}
    assert await opened.announced() == [tweet.tweet_id]


async def test_inserting_never_brings_back_a_deleted_tweet(store: TweetStore) -> None:
    parent, reply = a_tweet(1, by=BOB), a_tweet(2, answers=1)
    await insert(store, parent, reply)
    await delete(store, reply)
    await insert(store, reply)
    found = (await store.get_many([reply.tweet_id]))[reply.tweet_id]
    assert found.is_deleted
    assert found.content == ""
    assert await newest(store) == []
    assert await store.list_reply_ids(parent.tweet_id, below=0, limit=10) == []


async def test_a_deleted_tweet_loses_its_text_and_nothing_else(store: TweetStore) -> None:
    reply = a_tweet(2, answers=1)
    await insert(store, a_tweet(1, by=BOB), reply)
    await delete(store, reply)
    assert await store.get_many([reply.tweet_id]) == {reply.tweet_id: replace(reply, content="", is_deleted=True)}


async def test_no_list_has_a_deleted_tweet(store: TweetStore) -> None:
    parent, reply = a_tweet(1, by=BOB), a_tweet(2, answers=1)
    await insert(store, parent, reply, a_tweet(3, answers=1))
    await delete(store, reply)
    assert await newest(store) == [3]
    assert await store.list_reply_ids(parent.tweet_id, below=0, limit=10) == [ID + 3]


async def test_a_delete_is_announced(opened: Opened) -> None:
    await insert(opened.store, a_tweet(1))
    await opened.store.delete(a_tweet(1), announce=an_event(77), at_us=NOW_US)
    assert await opened.announced() == [ID + 1, 77]


async def test_who_waits_for_events_is_woken_by_an_insert_and_by_a_delete(opened: Opened) -> None:
    for change in (insert, delete):
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            tasks.create_task(opened.outbox.wait_for_append(at_most=timedelta(seconds=30)))
            await change(opened.store, a_tweet(1))


async def test_a_delete_whose_event_cannot_be_saved_does_not_happen(opened: Opened) -> None:
    tweet = a_tweet(1)
    await insert(opened.store, tweet)
    with pytest.raises(Exception, match=r"\w"):
        await opened.store.delete(tweet, announce=UNSAVABLE, at_us=NOW_US)
    assert await opened.store.get_many([tweet.tweet_id]) == {tweet.tweet_id: tweet}
    assert await newest(opened.store) == [1]


async def test_deleting_again_changes_nothing(store: TweetStore) -> None:
    tweet = a_tweet(1)
    await insert(store, tweet)
    await delete(store, tweet)
    before = await store.get_many([tweet.tweet_id])
    await store.delete(tweet, announce=an_event(78), at_us=NOW_US + 5)
    assert await store.get_many([tweet.tweet_id]) == before


async def test_a_delete_by_a_clock_that_is_behind_the_id_holds_too(store: TweetStore) -> None:
    tweet = a_tweet(1)
    await insert(store, tweet)
    await store.delete(tweet, announce=an_event(77), at_us=id_time_us(tweet.tweet_id) - 10_000_000)
    await insert(store, tweet)
    assert await store.get_many([tweet.tweet_id]) == {tweet.tweet_id: replace(tweet, content="", is_deleted=True)}
    assert await newest(store) == []


async def test_deleting_an_unknown_tweet_changes_nothing(opened: Opened) -> None:
    await delete(opened.store, a_tweet(1))
    assert await opened.store.get_many([ID + 1]) == {}
    assert await opened.announced() == []
    await insert(opened.store, a_tweet(1))
    assert await newest(opened.store) == [1]


async def test_unknown_ids_are_left_out_and_an_id_asked_twice_is_answered_once(store: TweetStore) -> None:
    tweet = a_tweet(1)
    await insert(store, tweet)
    assert await store.get_many([ID + 9, tweet.tweet_id, tweet.tweet_id]) == {tweet.tweet_id: tweet}
    assert await store.get_many([]) == {}


async def test_a_thousand_tweets_come_at_once(store: TweetStore) -> None:
    tweets = [a_tweet(number) for number in range(1, 1001)]
    await insert_many(store, *tweets)
    assert len(await store.get_many([tweet.tweet_id for tweet in tweets])) == 1000


async def test_tweets_and_tombstones_outlive_a_restart(open_backend: Open, tmp_path: Path) -> None:
    async with open_backend(tmp_path) as before:
        await insert(before.store, a_tweet(1), a_tweet(2))
        await delete(before.store, a_tweet(1))
    async with open_backend(tmp_path) as after:
        found = await after.store.get_many([ID + 1, ID + 2])
        assert [found[ID + 1].is_deleted, found[ID + 2].is_deleted] == [True, False]
        await after.store.ping()
