"""What TweetStore promises of lists: an author's tweets, and the replies to one."""

from __future__ import annotations

from tests.conformance.tweet_store.cases import ANN, BOB, CYD, ID, a_tweet, delete, insert, insert_many, newest
from tweet_svc.store import TweetStore


async def test_tweets_of_an_author_come_newest_first(store: TweetStore) -> None:
    await insert(store, a_tweet(2), a_tweet(3), a_tweet(1), a_tweet(4, by=BOB))
    assert await newest(store) == [3, 2, 1]


async def test_both_bounds_are_exclusive(store: TweetStore) -> None:
    await insert(store, *(a_tweet(number) for number in range(1, 7)))
    assert await newest(store, below=ID + 5) == [4, 3, 2, 1]
    assert await newest(store, above=ID + 2) == [6, 5, 4, 3]
    assert await newest(store, below=ID + 5, above=ID + 2) == [4, 3]
    assert await newest(store, below=ID + 3, above=ID + 2) == []


async def test_there_are_at_most_limit_for_each_author(store: TweetStore) -> None:
    await insert(store, *(a_tweet(number, by=by) for number, by in enumerate([ANN, BOB] * 3, start=1)))
    found = await store.list_author_ids([ANN, BOB], below=0, above=0, limit=2)
    assert found == {ANN: [ID + 5, ID + 3], BOB: [ID + 6, ID + 4]}


async def test_pages_put_together_are_the_whole_list(store: TweetStore) -> None:
    await insert(store, *(a_tweet(number) for number in range(1, 8)))
    pages, below = [], 0
    while page := await newest(store, below=below, limit=3):
        pages.append(page)
        below = ID + page[-1]
    assert pages == [[7, 6, 5], [4, 3, 2], [1]]


async def test_fewer_than_limit_means_that_there_are_no_more(store: TweetStore) -> None:
    tweets = [a_tweet(number) for number in range(1, 8)]
    await insert(store, *tweets)
    for tweet in tweets[2:6]:
        await delete(store, tweet)
    # The deleted ones in between must not make the page short.
    assert await newest(store, limit=3) == [7, 2, 1]


async def test_an_author_without_tweets_in_the_range_is_left_out(store: TweetStore) -> None:
    await insert(store, a_tweet(1), a_tweet(5, by=BOB))
    assert await store.list_author_ids([ANN, BOB, CYD], below=0, above=ID + 1, limit=5) == {BOB: [ID + 5]}
    assert await store.list_author_ids([], below=0, above=0, limit=5) == {}


async def test_replies_can_be_left_out(store: TweetStore) -> None:
    await insert(store, a_tweet(1), a_tweet(2, answers=1), a_tweet(3))
    found = await store.list_author_ids([ANN], below=0, above=0, limit=5, exclude_replies=True)
    assert found == {ANN: [ID + 3, ID + 1]}


async def test_a_thousand_authors_are_asked_at_once(store: TweetStore) -> None:
    await insert_many(store, *(a_tweet(number, by=number) for number in range(1, 1001)))
    found = await store.list_author_ids(range(1, 1001), below=0, above=0, limit=1)
    assert found == {number: [ID + number] for number in range(1, 1001)}


async def test_replies_come_newest_first_and_below_a_bound(store: TweetStore) -> None:
    await insert(store, a_tweet(1), *(a_tweet(number, by=BOB, answers=1) for number in range(2, 6)))
    await insert(store, a_tweet(6, answers=2))
    assert await store.list_reply_ids(ID + 1, below=0, limit=3) == [ID + 5, ID + 4, ID + 3]
    assert await store.list_reply_ids(ID + 1, below=ID + 3, limit=3) == [ID + 2]


async def test_replies_to_a_deleted_tweet_stay(store: TweetStore) -> None:
    parent = a_tweet(1)
    await insert(store, parent, a_tweet(2, by=BOB, answers=1))
    await delete(store, parent)
    assert await store.list_reply_ids(ID + 1, below=0, limit=3) == [ID + 2]


async def test_tweets_that_answer_none_are_replies_to_none(store: TweetStore) -> None:
    await insert(store, a_tweet(1))
    assert await store.list_reply_ids(0, below=0, limit=3) == []
