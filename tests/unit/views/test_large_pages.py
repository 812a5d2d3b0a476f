"""Pages whose accounts would not fit into one answer: they are shortened and say so, and never fail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from aviary.engagement.internal.v1.engagement_internal_service_pb2 import TweetEngagement
from aviary.type.v1.tweet_pb2 import (
    DEGRADED_PART_AUTHORS,
    DEGRADED_PART_COUNTS,
    EXPANSION_AUTHOR,
    EXPANSION_MENTIONED_USERS,
    Entities,
    MentionEntity,
    Tweet,
)
from aviary.type.v1.user_pb2 import User
from aviary.user.internal.v1.user_internal_service_pb2 import ResolveUsersRequest, ResolveUsersResponse
from mesh.errors import InvalidArgument
from views.cache import BodyCache
from views.clients.engagement import Engagements
from views.clients.tweets import StoredTweets
from views.clients.users import CachedUsers, UserCards
from views.model import Bodies
from views.tweets import TweetReader

LARGEST_MESSAGE = 1 << 20
MOST_ASKED = 1_000


class LargestAccounts:
    """user_svc's stub, where every account is as large as its fields may be: the bounds of the contract are kept."""

    def __init__(self) -> None:
        self.asked: list[ResolveUsersRequest] = []

    async def ResolveUsers(self, request: ResolveUsersRequest) -> ResolveUsersResponse:
        self.asked.append(request)
        if len(request.user_ids) > MOST_ASKED or len(request.usernames) > MOST_ASKED:
            raise InvalidArgument("VALIDATION_FAILED", "too many")
        users = [a_large_account(user_id, f"u{user_id}") for user_id in request.user_ids]
        users += [a_large_account(int(name[1:]), name) for name in request.usernames]
        answer = ResolveUsersResponse(users=users)
        assert answer.ByteSize() <= LARGEST_MESSAGE
        return answer


class NoCache:
    async def users(self, _ids: Sequence[int]) -> dict[int, User]:
        return {}

    async def fill_users(self, _users: Iterable[User]) -> None:
        return None


class NoCounts(Engagements):
    async def get_many(self, tweet_ids: Sequence[int], *, viewer_id: int) -> Mapping[int, TweetEngagement]:
        return {}


class TheseTweets(StoredTweets):
    def __init__(self, tweets: Iterable[Tweet]) -> None:
        self._by_id = {tweet.tweet_id: tweet for tweet in tweets}

    async def get_many(self, ids: Sequence[int]) -> Bodies:
        return Bodies({id_: self._by_id[id_] for id_ in ids})


def a_large_account(user_id: int, name: str) -> User:
    wide = "\U0001f600"
    return User(user_id=user_id, username=name, display_name=wide * 100, bio=wide * 500, location=wide * 100)


def large_users() -> tuple[UserCards, LargestAccounts]:
    stub = LargestAccounts()
    return CachedUsers(cast("BodyCache", NoCache()), cast("Any", stub)), stub


def mentioning(tweet_id: int, numbers: range) -> Tweet:
    mentions = [MentionEntity(username=f"u{number}") for number in numbers]
    return Tweet(tweet_id=tweet_id, user_id=tweet_id, entities=Entities(mentions=mentions))


async def test_many_accounts_are_asked_for_in_answers_that_fit() -> None:
    users, stub = large_users()
    assert set(await users.get_many(range(1, 701))) == set(range(1, 701))
    assert len(stub.asked) > 1
    assert len(await users.by_usernames(f"u{number}" for number in range(1, 701))) == 700


async def test_a_page_that_mentions_more_names_than_may_be_asked_for_has_the_first_and_says_so() -> None:
    users, _ = large_users()
    tweets = [mentioning(number, range(number * 50, number * 50 + 50)) for number in range(1, 101)]
    reader = TweetReader(TheseTweets(tweets), users, NoCounts())
    seen = await reader.read(range(1, 101), expansions=(EXPANSION_MENTIONED_USERS,))
    assert len(seen.tweets) == 100
    assert [user.user_id for user in seen.includes.users][:3] == [50, 51, 52]
    assert seen.degraded == [DEGRADED_PART_COUNTS, DEGRADED_PART_AUTHORS]


async def test_accounts_that_would_make_the_answer_too_large_are_left_out_and_said_to_be_missing() -> None:
    users, _ = large_users()
    tweets = [Tweet(tweet_id=number, user_id=number, content="\U0001f600" * 280) for number in range(1, 401)]
    reader = TweetReader(TheseTweets(tweets), users, NoCounts())
    seen = await reader.read(range(1, 401), expansions=(EXPANSION_AUTHOR,))
    size = seen.includes.ByteSize() + sum(tweet.ByteSize() for tweet in seen.tweets)
    assert LARGEST_MESSAGE * 3 // 4 < size < LARGEST_MESSAGE
    assert [user.user_id for user in seen.includes.users][:2] == [1, 2]
    assert DEGRADED_PART_AUTHORS in seen.degraded
