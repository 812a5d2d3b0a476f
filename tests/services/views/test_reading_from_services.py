"""The read model against real services' contracts: the four clients over gRPC, with a real Redis in between.

The services behind are stand-ins that keep the contract: generated servicers over dicts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis

from aviary.engagement.internal.v1 import engagement_internal_service_pb2 as engagement_pb2
from aviary.engagement.internal.v1 import engagement_internal_service_pb2_grpc as engagement_grpc
from aviary.graph.internal.v1 import graph_internal_service_pb2 as graph_pb2
from aviary.graph.internal.v1 import graph_internal_service_pb2_grpc as graph_grpc
from aviary.tweet.internal.v1 import tweet_internal_service_pb2 as tweet_pb2
from aviary.tweet.internal.v1 import tweet_internal_service_pb2_grpc as tweet_grpc
from aviary.type.v1.tweet_pb2 import (
    DEGRADED_PART_AUTHORS,
    DEGRADED_PART_COUNTS,
    EXPANSION_AUTHOR,
    EXPANSION_MENTIONED_USERS,
    EngagementCounts,
    Entities,
    MentionEntity,
    Tweet,
    ViewerState,
)
from aviary.type.v1.user_pb2 import Relationship, User
from aviary.user.internal.v1 import user_internal_service_pb2 as user_pb2
from aviary.user.internal.v1 import user_internal_service_pb2_grpc as user_grpc
from mesh.clock import SystemClock
from mesh.errors import InvalidArgument, Unavailable
from mesh.grpc_client import open_channels
from mesh.process import Served, Service
from mesh.tokens import ServiceTokens
from tests.support.running import a_mesh_config, running
from views.cache import BodyCache
from views.clients.engagement import RemoteEngagements
from views.clients.graph import RemoteReadContexts
from views.clients.tweets import CachedTweets
from views.clients.users import CachedUsers
from views.model import ReadContext
from views.tweets import TweetReader

ADA, BO, VIEWER = 71, 72, 79


class TweetLeaf(tweet_grpc.TweetInternalServiceServicer):
    """Two live tweets and a deleted one."""

    def __init__(self) -> None:
        mention = Entities(mentions=[MentionEntity(username="Bo")])
        self.live = {1: Tweet(tweet_id=1, user_id=ADA, entities=mention), 2: Tweet(tweet_id=2, user_id=BO)}
        self.deleted = {9}
        self.asked: list[list[int]] = []

    async def BatchGetStoredTweets(
        self, request: tweet_pb2.BatchGetStoredTweetsRequest, context: object
    ) -> tweet_pb2.BatchGetStoredTweetsResponse:
        self.asked.append(list(request.tweet_ids))
        return tweet_pb2.BatchGetStoredTweetsResponse(
            tweets={id_: self.live[id_] for id_ in request.tweet_ids if id_ in self.live},
            deleted_tweet_ids=self.deleted.intersection(request.tweet_ids),
        )

    async def ListAuthorTweetIds(
        self, request: tweet_pb2.ListAuthorTweetIdsRequest, context: object
    ) -> tweet_pb2.ListAuthorTweetIdsResponse:
        raise AssertionError("reading tweets by id asks for no lists")


class UserLeaf(user_grpc.UserInternalServiceServicer):
    """Two accounts."""

    def __init__(self) -> None:
        self.users = [User(user_id=ADA, username="ada"), User(user_id=BO, username="Bo")]
        self.asked: list[user_pb2.ResolveUsersRequest] = []

    async def ResolveUsers(
        self, request: user_pb2.ResolveUsersRequest, context: object
    ) -> user_pb2.ResolveUsersResponse:
        self.asked.append(request)
        return user_pb2.ResolveUsersResponse(
            users=[
                user
                for user in self.users
                if user.user_id in request.user_ids or user.username.lower() in request.usernames
            ]
        )


class EngagementLeaf(engagement_grpc.EngagementInternalServiceServicer):
    """As many likes as the id says."""

    async def BatchGetEngagement(
        self, request: engagement_pb2.BatchGetEngagementRequest, context: object
    ) -> engagement_pb2.BatchGetEngagementResponse:
        viewer = ViewerState(liked=True) if request.viewer_user_id else None
        return engagement_pb2.BatchGetEngagementResponse(
            engagements={
                id_: engagement_pb2.TweetEngagement(counts=EngagementCounts(likes_count=id_), viewer=viewer)
                for id_ in request.tweet_ids
            }
        )

    async def BatchGetTweetCounts(
        self, request: engagement_pb2.BatchGetTweetCountsRequest, context: object
    ) -> engagement_pb2.BatchGetTweetCountsResponse:
        raise AssertionError("reading tweets asks for no counts of accounts")


class GraphLeaf(graph_grpc.GraphInternalServiceServicer):
    """Everybody follows Ada and pulls account 40."""

    async def GetReadContext(
        self, request: graph_pb2.GetReadContextRequest, context: object
    ) -> graph_pb2.GetReadContextResponse:
        relationships = [Relationship(user_id=id_, following=id_ == ADA) for id_ in request.author_user_ids]
        return graph_pb2.GetReadContextResponse(pull_author_ids=[40], relationships=relationships, version=3)

    async def ListFollowerIds(
        self, request: graph_pb2.ListFollowerIdsRequest, context: object
    ) -> graph_pb2.ListFollowerIdsResponse:
        raise AssertionError("a page asks for its read context only")

    async def ListFolloweeIds(
        self, request: graph_pb2.ListFolloweeIdsRequest, context: object
    ) -> graph_pb2.ListFolloweeIdsResponse:
        raise AssertionError("a page asks for its read context only")

    async def BatchGetGraphCounts(
        self, request: graph_pb2.BatchGetGraphCountsRequest, context: object
    ) -> graph_pb2.BatchGetGraphCountsResponse:
        raise AssertionError("a page asks for its read context only")


@dataclass
class Mesh:
    """The stand-ins, and the clients that read from them."""

    tweet_leaf: TweetLeaf
    user_leaf: UserLeaf
    cache: BodyCache
    tweets: CachedTweets
    users: CachedUsers
    contexts: RemoteReadContexts
    reader: TweetReader


AWAY = "ipv4:127.0.0.1:1"


@asynccontextmanager
async def a_mesh(tmp_path: Path, redis: Redis, *, without: tuple[str, ...] = ()) -> AsyncIterator[Mesh]:
    tweet_leaf, user_leaf = TweetLeaf(), UserLeaf()
    leaves = Service(
        "leaves",
        [
            Served(tweet_pb2.DESCRIPTOR.services_by_name["TweetInternalService"], tweet_leaf),
            Served(user_pb2.DESCRIPTOR.services_by_name["UserInternalService"], user_leaf),
            Served(engagement_pb2.DESCRIPTOR.services_by_name["EngagementInternalService"], EngagementLeaf()),
            Served(graph_pb2.DESCRIPTOR.services_by_name["GraphInternalService"], GraphLeaf()),
        ],
        work=[],
        ready=_at_once,
    )
    async with running(leaves) as there:

        def target(name: str) -> str:
            return AWAY if name in without else there.target

        config = a_mesh_config(
            tmp_path,
            tweet_target=target("tweet"),
            user_target=target("user"),
            graph_target=target("graph"),
            engagement_target=target("engagement"),
        )
        tokens = ServiceTokens("timeline_svc", config.service_key_file, SystemClock())
        async with open_channels(config, service="timeline_svc", tokens=tokens) as channels:
            cache = BodyCache(redis)
            tweets = CachedTweets(cache, tweet_grpc.TweetInternalServiceStub(channels.to("tweet")))
            users = CachedUsers(cache, user_grpc.UserInternalServiceStub(channels.to("user")))
            engagements = RemoteEngagements(engagement_grpc.EngagementInternalServiceStub(channels.to("engagement")))
            contexts = RemoteReadContexts(graph_grpc.GraphInternalServiceStub(channels.to("graph")))
            reader = TweetReader(tweets, users, engagements)
            yield Mesh(tweet_leaf, user_leaf, cache, tweets, users, contexts, reader)


async def _at_once() -> None:
    """The stand-ins are always ready."""


async def test_a_page_is_read_over_the_wire(tmp_path: Path, redis: Redis) -> None:
    async with a_mesh(tmp_path, redis) as mesh:
        seen = await mesh.reader.read(
            [2, 9, 1, 55], viewer_id=VIEWER, expansions=(EXPANSION_AUTHOR, EXPANSION_MENTIONED_USERS)
        )
    assert [(tweet.tweet_id, tweet.counts.likes_count, tweet.viewer.liked) for tweet in seen.tweets] == [
        (2, 2, True),
        (1, 1, True),
    ]
    assert seen.missing == (9, 55)
    assert seen.deleted == {9}
    assert seen.degraded == []
    assert sorted(user.username for user in seen.includes.users) == ["Bo", "ada"]


async def test_tweets_are_fetched_once_and_then_come_from_the_cache(tmp_path: Path, redis: Redis) -> None:
    async with a_mesh(tmp_path, redis) as mesh:
        await mesh.tweets.get_many([1])
        first = await mesh.tweets.get_many([1, 2, 9, 55])
        second = await mesh.tweets.get_many([2, 1, 9, 55])
    assert first == second
    assert first.live == mesh.tweet_leaf.live
    assert first.deleted == {9}
    # 55 is unknown: perhaps it is only not visible yet, so nothing is kept of it.
    assert mesh.tweet_leaf.asked == [[1], [2, 9, 55], [55]]


async def test_a_tweet_deleted_behind_the_cache_is_gone_once_its_owner_says_so(tmp_path: Path, redis: Redis) -> None:
    async with a_mesh(tmp_path, redis) as mesh:
        assert (await mesh.tweets.get_many([1])).live
        await mesh.cache.bury_tweet(1)
        bodies = await mesh.tweets.get_many([1])
    assert not bodies.live
    assert bodies.deleted == {1}


async def test_accounts_are_fetched_once_and_then_come_from_the_cache(tmp_path: Path, redis: Redis) -> None:
    async with a_mesh(tmp_path, redis) as mesh:
        assert (await mesh.users.by_usernames(["BO", "nobody"])).keys() == {"bo"}
        assert (await mesh.users.get_many([BO, ADA])).keys() == {ADA, BO}
        assert (await mesh.users.get_many([BO, ADA])).keys() == {ADA, BO}
    assert [(list(asked.user_ids), list(asked.usernames)) for asked in mesh.user_leaf.asked] == [
        ([], ["bo", "nobody"]),
        ([ADA], []),
    ]


async def test_a_read_context_tells_who_is_followed_and_who_is_pulled(tmp_path: Path, redis: Redis) -> None:
    async with a_mesh(tmp_path, redis) as mesh:
        context = await mesh.contexts.get(VIEWER, [ADA, BO])
    assert context == ReadContext((40,), frozenset({ADA}), 3)


async def test_a_page_survives_without_engagement_and_accounts_and_says_so(tmp_path: Path, redis: Redis) -> None:
    async with a_mesh(tmp_path, redis, without=("engagement", "user")) as mesh:
        await mesh.cache.fill_users([User(user_id=ADA, username="ada")])
        seen = await mesh.reader.read([1, 2], expansions=(EXPANSION_AUTHOR,))
    assert [tweet.tweet_id for tweet in seen.tweets] == [1, 2]
    assert seen.degraded == [DEGRADED_PART_COUNTS, DEGRADED_PART_AUTHORS]
    assert [user.user_id for user in seen.includes.users] == [ADA]


@pytest.mark.parametrize(
    ("service", "read"),
    [
        ("tweet", lambda mesh: mesh.reader.read([1])),
        ("user", lambda mesh: mesh.users.get_many([ADA])),
        ("user", lambda mesh: mesh.users.by_usernames(["ada"])),
        ("graph", lambda mesh: mesh.contexts.get(VIEWER, [ADA])),
    ],
)
async def test_what_is_required_is_unavailable_without_its_service(
    tmp_path: Path, redis: Redis, service: str, read: Callable[[Mesh], AsyncIterator[object]]
) -> None:
    async with a_mesh(tmp_path, redis, without=(service,)) as mesh:
        with pytest.raises(Unavailable):
            await read(mesh)  # type: ignore[misc]  # each of the reads is awaited


async def test_cached_tweets_are_read_while_tweet_svc_is_away(tmp_path: Path, redis: Redis) -> None:
    async with a_mesh(tmp_path, redis, without=("tweet",)) as mesh:
        await mesh.cache.fill_tweets({1: Tweet(tweet_id=1, user_id=ADA), 9: None})
        bodies = await mesh.tweets.get_many([1, 9])
    assert bodies.live.keys() == {1}
    assert bodies.deleted == {9}


async def test_more_ids_than_a_batch_holds_are_refused_and_not_cut(tmp_path: Path, redis: Redis) -> None:
    async with a_mesh(tmp_path, redis) as mesh:
        with pytest.raises(InvalidArgument):
            await mesh.tweets.get_many(range(1, 1002))
