"""Which handler answers which RPC, and what it is given."""

from __future__ import annotations

from dataclasses import dataclass

from aviary.engagement.internal.v1 import engagement_internal_service_pb2 as internal
from aviary.engagement.internal.v1 import engagement_internal_service_pb2_grpc as internal_grpc
from aviary.engagement.v1 import engagement_service_pb2 as public
from aviary.engagement.v1 import engagement_service_pb2_grpc as public_grpc
from engagement_svc.clients.tweets import LiveTweets
from engagement_svc.handlers.batch_get_engagement import batch_get_engagement
from engagement_svc.handlers.batch_get_tweet_counts import batch_get_tweet_counts
from engagement_svc.handlers.like_tweet import like_tweet
from engagement_svc.handlers.list_tweet_likes import list_tweet_likes
from engagement_svc.handlers.unlike_tweet import unlike_tweet
from engagement_svc.store import EngagementStore
from mesh.caller import current_caller
from mesh.clock import Clock
from mesh.ids import IdSource
from mesh.paging import Paging
from views.clients.users import UserCards


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handlers are given to work with."""

    store: EngagementStore
    tweets: LiveTweets
    users: UserCards
    ids: IdSource
    clock: Clock
    paging: Paging


class EngagementServicer(public_grpc.EngagementServiceServicer):
    """Answers aviary.engagement.v1.EngagementService."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def LikeTweet(self, request: public.LikeTweetRequest, _context: object) -> public.LikeTweetResponse:
        deps = self._deps
        return await like_tweet(
            request, caller=current_caller(), store=deps.store, tweets=deps.tweets, ids=deps.ids, clock=deps.clock
        )

    async def UnlikeTweet(self, request: public.UnlikeTweetRequest, _context: object) -> public.UnlikeTweetResponse:
        deps = self._deps
        return await unlike_tweet(
            request, caller=current_caller(), store=deps.store, tweets=deps.tweets, clock=deps.clock
        )

    async def ListTweetLikes(
        self, request: public.ListTweetLikesRequest, _context: object
    ) -> public.ListTweetLikesResponse:
        deps = self._deps
        return await list_tweet_likes(
            request,
            caller=current_caller(),
            store=deps.store,
            tweets=deps.tweets,
            users=deps.users,
            paging=deps.paging,
        )


class EngagementInternalServicer(internal_grpc.EngagementInternalServiceServicer):
    """Answers aviary.engagement.internal.v1.EngagementInternalService."""

    def __init__(self, store: EngagementStore) -> None:
        self._store = store

    async def BatchGetEngagement(
        self, request: internal.BatchGetEngagementRequest, _context: object
    ) -> internal.BatchGetEngagementResponse:
        return await batch_get_engagement(request, store=self._store)

    async def BatchGetTweetCounts(
        self, request: internal.BatchGetTweetCountsRequest, _context: object
    ) -> internal.BatchGetTweetCountsResponse:
        return await batch_get_tweet_counts(request, store=self._store)
