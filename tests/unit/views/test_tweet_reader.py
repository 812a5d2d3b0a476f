"""The read: order, batches, what is required and what may be missing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from aviary.engagement.internal.v1.engagement_internal_service_pb2 import TweetEngagement
from aviary.type.v1 import tweet_pb2
from aviary.type.v1.tweet_pb2 import (
    DEGRADED_PART_AUTHORS,
    DEGRADED_PART_COUNTS,
    DEGRADED_PART_VIEWER_STATE,
    EXPANSION_AUTHOR,
    EXPANSION_MENTIONED_USERS,
    EXPANSION_REFERENCED_TWEETS,
    EngagementCounts,
    Entities,
    MentionEntity,
    Tweet,
    ViewerState,
)
from aviary.type.v1.user_pb2 import User
from mesh.caller import ANONYMOUS, CURRENT_CALL, Call
from mesh.errors import Unavailable
from views.clients.engagement import Engagements
from views.clients.tweets import StoredTweets
from views.clients.users import UserCards
from views.metrics import ViewMetrics
from views.model import Bodies
from views.tweets import TweetReader

ADA, BO, VIEWER = 71, 72, 79
EVERY_EXPANSION = (EXPANSION_AUTHOR, EXPANSION_MENTIONED_USERS, EXPANSION_REFERENCED_TWEETS)


class Tweets(StoredTweets):
    """Tweets in a dict, and a record of what was asked."""

    def __init__(self, *tweets: Tweet, deleted: Iterable[int] = ()) -> None:
        self.by_id = {tweet.tweet_id: tweet for tweet in tweets}
        self.deleted = frozenset(deleted)
        self.asked: list[list[int]] = []
        self.is_away = False

    async def get_many(self, ids: Sequence[int]) -> Bodies:
        self.asked.append(list(ids))
        if self.is_away:
            raise Unavailable.backend("tweet_svc")
        live = {id_: Tweet.FromString(self.by_id[id_].SerializeToString()) for id_ in ids if id_ in self.by_id}
        return Bodies(live, self.deleted.intersection(ids))


class Users(UserCards):
    """Accounts in a dict; when it is away only the cached ones can be had."""

    def __init__(self, *users: User) -> None:
        self.by_id = {user.user_id: user for user in users}
        self.cached_ids: set[int] = set()
        self.is_away = False

    async def get_many(self, ids: Sequence[int]) -> dict[int, User]:
        if self.is_away:
            raise Unavailable.backend("user_svc")
        return {id_: self.by_id[id_] for id_ in ids if id_ in self.by_id}

    async def get_reachable(self, ids: Sequence[int]) -> dict[int, User]:
        return {id_: self.by_id[id_] for id_ in ids if id_ in (self.cached_ids if self.is_away else self.by_id)}

    async def by_usernames(self, names: Iterable[str]) -> dict[str, User]:
        if self.is_away:
            raise Unavailable.backend("user_svc")
        wanted = {name.lower() for name in names}
        return {user.username.lower(): user for user in self.by_id.values() if user.username.lower() in wanted}


class Likes(Engagements):
    """Every tweet has as many likes as its id, and the viewer liked it."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[int], int]] = []
        self.is_away = False
        self.is_stuck = False

    async def get_many(self, tweet_ids: Sequence[int], *, viewer_id: int) -> Mapping[int, TweetEngagement]:
        self.asked.append((list(tweet_ids), viewer_id))
        if self.is_away:
            raise Unavailable.backend("engagement_svc")
        if self.is_stuck:
            await asyncio.Event().wait()
        viewer = ViewerState(liked=True) if viewer_id else None
        return {id_: TweetEngagement(counts=EngagementCounts(likes_count=id_), viewer=viewer) for id_ in tweet_ids}


def a_tweet(tweet_id: int, *, user_id: int = ADA, answers: int = 0, mentions: Sequence[str] = ()) -> Tweet:
    entities = Entities(mentions=[MentionEntity(username=name) for name in mentions])
    return Tweet(tweet_id=tweet_id, user_id=user_id, in_reply_to_tweet_id=answers, entities=entities)


class Parts:
    """A reader and what it reads from."""

    def __init__(self) -> None:
        self.tweets = Tweets(
            a_tweet(1, user_id=BO),
            a_tweet(2, answers=1, mentions=["Bo", "nobody"]),
            a_tweet(3, answers=90),
            a_tweet(4),
            deleted={90},
        )
        self.users = Users(User(user_id=ADA, username="ada"), User(user_id=BO, username="bo"))
        self.likes = Likes()
        self.registry = CollectorRegistry()
        self.reader = TweetReader(
            self.tweets,
            self.users,
            self.likes,
            metrics=ViewMetrics(self.registry),
            patience=timedelta(milliseconds=20),
        )

    def figure(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


@pytest.fixture
def parts() -> Parts:
    return Parts()


async def test_tweets_come_in_the_order_asked_each_once(parts: Parts) -> None:
    seen = await parts.reader.read([4, 2, 4, 1])
    assert [tweet.tweet_id for tweet in seen.tweets] == [4, 2, 1]
    assert seen.missing == ()
    assert seen.degraded == []


async def test_deleted_and_unknown_ids_are_told_apart(parts: Parts) -> None:
    seen = await parts.reader.read([90, 4, 55])
    assert [tweet.tweet_id for tweet in seen.tweets] == [4]
    assert seen.missing == (90, 55)
    assert seen.deleted == {90}
    assert parts.figure("aviary_views_dropped_total", reason="deleted") == 1
    assert parts.figure("aviary_views_dropped_total", reason="unknown") == 1


async def test_a_page_asks_for_engagement_once_with_the_referenced_tweets_in_the_same_batch(parts: Parts) -> None:
    seen = await parts.reader.read([2, 4], viewer_id=VIEWER, expansions=EVERY_EXPANSION)
    assert parts.likes.asked == [([2, 4, 1], VIEWER)]
    assert [tweet.counts.likes_count for tweet in seen.tweets] == [2, 4]
    assert all(tweet.viewer.liked for tweet in seen.tweets)
    assert [tweet.counts.likes_count for tweet in seen.includes.tweets] == [1]


async def test_nothing_is_asked_of_anybody_for_nothing(parts: Parts) -> None:
    assert await parts.reader.read([], viewer_id=VIEWER, expansions=EVERY_EXPANSION)
    assert (parts.tweets.asked, parts.likes.asked) == ([], [])


async def test_nothing_is_included_that_was_not_asked_for(parts: Parts) -> None:
    seen = await parts.reader.read([2])
    assert not seen.includes.users
    assert not seen.includes.tweets


async def test_authors_of_tweets_and_of_referenced_tweets_are_included_once(parts: Parts) -> None:
    seen = await parts.reader.read([4, 2], expansions=(EXPANSION_AUTHOR, EXPANSION_REFERENCED_TWEETS))
    assert sorted(user.user_id for user in seen.includes.users) == [ADA, BO]


async def test_mentioned_accounts_are_included_and_unknown_names_are_no_fault(parts: Parts) -> None:
    seen = await parts.reader.read([2], expansions=(EXPANSION_MENTIONED_USERS,))
    assert [user.user_id for user in seen.includes.users] == [BO]
    assert seen.degraded == []


async def test_an_account_that_is_author_and_mentioned_is_included_once(parts: Parts) -> None:
    seen = await parts.reader.read([1, 2], expansions=(EXPANSION_AUTHOR, EXPANSION_MENTIONED_USERS))
    assert sorted(user.user_id for user in seen.includes.users) == [ADA, BO]


async def test_a_referenced_tweet_that_is_deleted_is_left_out(parts: Parts) -> None:
    seen = await parts.reader.read([3], expansions=(EXPANSION_REFERENCED_TWEETS,))
    assert not seen.includes.tweets
    assert seen.missing == ()


async def test_a_referenced_tweet_of_the_same_page_is_not_fetched_again(parts: Parts) -> None:
    seen = await parts.reader.read([1, 2], expansions=(EXPANSION_REFERENCED_TWEETS,))
    assert parts.tweets.asked == [[1, 2]]
    assert [tweet.tweet_id for tweet in seen.includes.tweets] == [1]
    assert parts.likes.asked == [([1, 2], 0)]


async def test_without_bodies_there_is_no_page(parts: Parts) -> None:
    parts.tweets.is_away = True
    with pytest.raises(Unavailable):
        await parts.reader.read([1])


@pytest.mark.parametrize("trouble", ["is_away", "is_stuck"])
async def test_a_page_without_engagement_says_so(parts: Parts, trouble: str) -> None:
    setattr(parts.likes, trouble, True)
    seen = await parts.reader.read([1, 2], viewer_id=VIEWER)
    assert [tweet.tweet_id for tweet in seen.tweets] == [1, 2]
    assert seen.degraded == [DEGRADED_PART_COUNTS, DEGRADED_PART_VIEWER_STATE]
    assert not any(tweet.HasField("counts") or tweet.HasField("viewer") for tweet in seen.tweets)
    assert parts.figure("aviary_views_degraded_total", part="counts") == 1


async def test_a_page_is_back_before_the_time_of_its_call_is_used_up(parts: Parts) -> None:
    parts.likes.is_stuck = True
    reader = TweetReader(parts.tweets, parts.users, parts.likes, patience=timedelta(seconds=30))
    ends_at = asyncio.get_running_loop().time() + 0.1
    token = CURRENT_CALL.set(Call(ANONYMOUS, "request", ends_at))
    try:
        seen = await reader.read([1])
    finally:
        CURRENT_CALL.reset(token)
    assert seen.degraded == [DEGRADED_PART_COUNTS]
    assert asyncio.get_running_loop().time() < ends_at


async def test_a_page_without_some_authors_has_the_others_and_says_so(parts: Parts) -> None:
    parts.users.is_away = True
    parts.users.cached_ids = {ADA}
    seen = await parts.reader.read([1, 2], expansions=(EXPANSION_AUTHOR,))
    assert [user.user_id for user in seen.includes.users] == [ADA]
    assert seen.degraded == [DEGRADED_PART_AUTHORS]


async def test_mentions_that_cannot_be_looked_up_are_said_to_be_missing(parts: Parts) -> None:
    parts.users.is_away = True
    seen = await parts.reader.read([2], expansions=(EXPANSION_MENTIONED_USERS,))
    assert seen.degraded == [DEGRADED_PART_AUTHORS]


async def test_only_tweets_of_followed_authors_and_of_the_viewer_are_kept_and_the_others_counted(parts: Parts) -> None:
    bodies = await parts.reader.bodies([4, 90, 1, 55, 4])
    kept = parts.reader.followed(bodies, [4, 90, 1, 55, 4], viewer_id=BO, followed_ids=frozenset())
    assert kept == [1]
    kept = parts.reader.followed(bodies, [4, 90, 1, 55, 4], viewer_id=BO, followed_ids={ADA})
    assert kept == [4, 1]
    assert parts.figure("aviary_views_dropped_total", reason="not_followed") == 1
    assert parts.figure("aviary_views_dropped_total", reason="deleted") == 2
    assert parts.figure("aviary_views_dropped_total", reason="unknown") == 2


async def test_a_degraded_part_is_one_of_the_contract(parts: Parts) -> None:
    parts.likes.is_away = parts.users.is_away = True
    seen = await parts.reader.read([1], viewer_id=VIEWER, expansions=EVERY_EXPANSION)
    assert len(seen.degraded) == len(set(seen.degraded)) == 3
    assert all(part in tweet_pb2.DegradedPart.values() for part in seen.degraded)
