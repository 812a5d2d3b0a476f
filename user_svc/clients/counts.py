"""Counts of accounts: follows are counted by graph_svc, tweets by engagement_svc."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from aviary.engagement.internal.v1.engagement_internal_service_pb2 import BatchGetTweetCountsRequest
from aviary.graph.internal.v1.graph_internal_service_pb2 import BatchGetGraphCountsRequest
from aviary.type.v1.user_pb2 import UserCounts

if TYPE_CHECKING:  # the typed stubs are known to type checkers only
    from aviary.engagement.internal.v1.engagement_internal_service_pb2_grpc import EngagementInternalServiceAsyncStub
    from aviary.graph.internal.v1.graph_internal_service_pb2_grpc import GraphInternalServiceAsyncStub


class AccountCounts(Protocol):
    """Followers, followees and tweets of accounts."""

    async def get_many(self, user_ids: Sequence[int]) -> dict[int, UserCounts]:
        """By account; one whose counts are not all known is left out. Raises MeshError when none can be had."""
        ...


class RemoteAccountCounts(AccountCounts):
    """Asks both services side by side, once each."""

    def __init__(self, graph: GraphInternalServiceAsyncStub, engagement: EngagementInternalServiceAsyncStub) -> None:
        self._graph = graph
        self._engagement = engagement

    async def get_many(self, user_ids: Sequence[int]) -> dict[int, UserCounts]:
        follows, tweets = await asyncio.gather(
            self._graph.BatchGetGraphCounts(BatchGetGraphCountsRequest(user_ids=user_ids)),
            self._engagement.BatchGetTweetCounts(BatchGetTweetCountsRequest(user_ids=user_ids)),
        )
        return {
            user_id: UserCounts(
                followers_count=follows.counts[user_id].followers_count,
                following_count=follows.counts[user_id].following_count,
                tweets_count=tweets.tweets_counts[user_id],
            )
            for user_id in user_ids
            if user_id in follows.counts and user_id in tweets.tweets_counts
        }
