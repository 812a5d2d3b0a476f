"""Tweets as events tell of them, in any order and any number of times: who counts them."""

from __future__ import annotations

from itertools import permutations, product

from tests.conformance.engagement_store.backends import Backend
from tests.conformance.engagement_store.cases import ANN, BOB, CYD, NOW, REPLY, REPLY_2, TWEET, engagement, like


async def replies(backend: Backend, tweet_id: int) -> int:
    return (await engagement(backend.store, tweet_id)).replies_count


async def test_a_tweet_is_counted_by_its_author(backend: Backend) -> None:
    await backend.store.add_tweet(TWEET, author_id=ANN, parent_id=0)
    assert await backend.store.tweets_counts([BOB, ANN, ANN]) == {BOB: 0, ANN: 1}
    assert await backend.store.tweets_counts([]) == {}


async def test_a_reply_is_counted_by_its_author_and_its_parent(backend: Backend) -> None:
    await backend.store.add_tweet(TWEET, author_id=ANN, parent_id=0)
    await backend.store.add_tweet(REPLY, author_id=BOB, parent_id=TWEET)
    await backend.store.add_tweet(REPLY_2, author_id=BOB, parent_id=REPLY)
    assert await backend.store.tweets_counts([ANN, BOB]) == {ANN: 1, BOB: 2}
    assert (await replies(backend, TWEET), await replies(backend, REPLY), await replies(backend, REPLY_2)) == (1, 1, 0)


async def test_no_parent_counts_nothing(backend: Backend) -> None:
    await backend.store.add_tweet(TWEET, author_id=ANN, parent_id=0)
    assert await replies(backend, 0) == 0


async def test_a_tweet_told_twice_is_counted_once(backend: Backend) -> None:
    await backend.store.add_tweet(REPLY, author_id=BOB, parent_id=TWEET)
    await backend.second.add_tweet(REPLY, author_id=BOB, parent_id=TWEET)
    assert await backend.store.tweets_counts([BOB]) == {BOB: 1}
    assert await replies(backend, TWEET) == 1


async def test_a_removed_tweet_is_counted_by_nobody(backend: Backend) -> None:
    await backend.store.add_tweet(REPLY, author_id=BOB, parent_id=TWEET)
    await backend.store.add_tweet(REPLY_2, author_id=BOB, parent_id=TWEET)
    await backend.store.remove_tweet(REPLY, author_id=BOB, parent_id=TWEET)
    await backend.second.remove_tweet(REPLY, author_id=BOB, parent_id=TWEET)
    assert await backend.store.tweets_counts([BOB]) == {BOB: 1}
    assert await replies(backend, TWEET) == 1


async def test_a_tweet_removed_before_it_was_added_stays_removed(backend: Backend) -> None:
    await backend.store.remove_tweet(REPLY, author_id=BOB, parent_id=TWEET)
    await backend.store.add_tweet(REPLY, author_id=BOB, parent_id=TWEET)
    assert await backend.store.tweets_counts([BOB]) == {BOB: 0}
    assert await replies(backend, TWEET) == 0


async def test_a_removed_tweet_is_not_brought_back(backend: Backend) -> None:
    await backend.store.add_tweet(REPLY, author_id=BOB, parent_id=TWEET)
    await backend.store.remove_tweet(REPLY, author_id=BOB, parent_id=TWEET)
    await backend.store.add_tweet(REPLY, author_id=BOB, parent_id=TWEET)
    assert await backend.store.tweets_counts([BOB]) == {BOB: 0}


async def test_every_order_of_repeated_events_ends_alike(backend: Backend) -> None:
    tellings = (
        backend.store.add_tweet,
        backend.store.add_tweet,
        backend.store.remove_tweet,
        backend.second.remove_tweet,
    )
    for number, order in enumerate(permutations(tellings)):
        for tell in order:
            await tell(REPLY + number, author_id=BOB, parent_id=TWEET)
    assert await backend.store.tweets_counts([BOB]) == {BOB: 0}
    assert await replies(backend, TWEET) == 0
    assert await backend.store.drifts() == []


async def test_replies_and_likes_of_a_removed_tweet_stay(backend: Backend) -> None:
    await backend.store.add_tweet(TWEET, author_id=ANN, parent_id=0)
    await backend.store.add_tweet(REPLY, author_id=BOB, parent_id=TWEET)
    await like(backend.store, CYD, TWEET)
    await backend.store.remove_tweet(TWEET, author_id=ANN, parent_id=0)
    found = await engagement(backend.store, TWEET, viewer_id=CYD)
    assert (found.likes_count, found.replies_count, found.is_liked) == (1, 1, True)


async def test_likes_and_replies_are_counted_apart(backend: Backend) -> None:
    for number, (user_id, _) in enumerate(product((ANN, BOB), range(2))):
        await like(backend.store, user_id, TWEET)
        await backend.store.add_tweet(REPLY + number, author_id=user_id, parent_id=TWEET)
    await backend.store.unlike(ANN, TWEET, now_us=NOW)
    found = await engagement(backend.store, TWEET)
    assert (found.likes_count, found.replies_count) == (1, 4)
