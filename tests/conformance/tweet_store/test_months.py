"""What TweetStore promises of lists holds over the borders of months, where a store may cut its partitions."""

from __future__ import annotations

import pytest

from tests.conformance.tweet_store.cases import ANN, BOB, delete, first_of, insert, insert_many
from tweet_svc.model import Tweet
from tweet_svc.store import TweetStore

NOVEMBER, DECEMBER, JANUARY, MARCH = first_of(2025, 11), first_of(2025, 12), first_of(2026, 1), first_of(2026, 3)
# Newest first. In February there is none, and some lie on both sides of a border, one id apart.
IDS = [MARCH + 1, MARCH, JANUARY + 1, JANUARY, JANUARY - 1, DECEMBER, DECEMBER - 1, NOVEMBER]


def tweets(ids: list[int], *, by: int = ANN, answers: int = 0) -> list[Tweet]:
    return [Tweet(tweet_id, by, "text", answers, answers or tweet_id) for tweet_id in ids]


async def of_ann(store: TweetStore, *, below: int = 0, above: int = 0, limit: int = 50) -> list[int]:
    return (await store.list_author_ids([ANN], below=below, above=above, limit=limit)).get(ANN, [])


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 9])
async def test_pages_of_an_author_go_on_over_the_borders(store: TweetStore, limit: int) -> None:
    await insert(store, *tweets(IDS))
    found, below = [], 0
    while page := await of_ann(store, below=below, limit=limit):
        found.append(page)
        below = page[-1]
    assert found == [IDS[start : start + limit] for start in range(0, len(IDS), limit)]


async def test_bounds_may_lie_within_months_on_their_borders_and_where_there_is_nothing(store: TweetStore) -> None:
    await insert(store, *tweets(IDS))
    bounds = [0, NOVEMBER + 1, first_of(2026, 2), first_of(2026, 2) + 1, first_of(2027, 1), 2**63 - 1]
    bounds += [tweet_id + aside for tweet_id in IDS for aside in (-1, 0, 1)]
    for below in bounds:
        for above in bounds:
            expected = [tweet_id for tweet_id in IDS if above < tweet_id < (below or 2**63)]
            assert await of_ann(store, below=below, above=above) == expected


async def test_months_of_deleted_tweets_make_no_page_short(store: TweetStore) -> None:
    await insert(store, *tweets(IDS))
    for tweet in tweets([*IDS[:3], JANUARY - 1, DECEMBER]):
        await delete(store, tweet)
    assert await of_ann(store, limit=2) == [JANUARY, DECEMBER - 1]
    assert await of_ann(store, limit=3) == [JANUARY, DECEMBER - 1, NOVEMBER]


async def test_a_long_run_of_hidden_tweets_is_passed(store: TweetStore) -> None:
    live = [DECEMBER + number for number in range(30)]
    replies = [DECEMBER + number for number in range(30, 100)]
    await insert_many(store, *tweets([*IDS[:2], *live, NOVEMBER]), *tweets(replies, answers=NOVEMBER))
    found = await store.list_author_ids([ANN], below=0, above=0, limit=4, exclude_replies=True)
    assert found == {ANN: [*IDS[:2], *live[:-3:-1]]}


async def test_replies_go_on_over_the_borders(store: TweetStore) -> None:
    parent, replies = IDS[-1], IDS[:-1]
    await insert(store, *tweets([parent]), *tweets(replies, by=BOB, answers=parent))
    await delete(store, tweets([JANUARY], by=BOB, answers=parent)[0])
    replies.remove(JANUARY)
    assert await store.list_reply_ids(parent, below=0, limit=50) == replies
    for below in (MARCH, JANUARY, DECEMBER, NOVEMBER + 1):
        expected = [tweet_id for tweet_id in replies if tweet_id < below]
        assert await store.list_reply_ids(parent, below=below, limit=2) == expected[:2]
