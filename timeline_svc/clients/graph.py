"""What timeline_svc alone asks of graph_svc: pages of followers, all followees, one edge, an author's audience."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aviary.graph.internal.v1.graph_internal_service_pb2 import (
    BatchGetGraphCountsRequest,
    GetReadContextRequest,
    ListFolloweeIdsRequest,
    ListFollowerIdsRequest,
)
from timeline_svc.convert import author_class_of
from timeline_svc.model import Audience, Followee, FollowerPage

if TYPE_CHECKING:  # the typed stub is known to type checkers only
    from aviary.graph.internal.v1.graph_internal_service_pb2_grpc import GraphInternalServiceAsyncStub


class Graph(Protocol):
    """Who follows whom. Every method raises Unavailable when that cannot be said."""

    async def audience(self, author_id: int) -> Audience:
        """How the author's tweets reach timelines now, PUSH for one that nobody has followed yet; and whose."""
        ...

    async def followers(self, author_id: int, *, after_edge_id: int) -> FollowerPage:
        """Up to 1,000 followers below an edge, newest first; 0 means from the newest."""
        ...

    async def followees(self, user_id: int) -> list[Followee]:
        """Everybody that the user follows."""
        ...

    async def is_following(self, follower_id: int, followee_id: int) -> bool:
        """The edge as it is now."""
        ...


class RemoteGraph(Graph):
    """Asks graph_svc."""

    def __init__(self, stub: GraphInternalServiceAsyncStub) -> None:
        self._stub = stub

    async def audience(self, author_id: int) -> Audience:
        answer = await self._stub.BatchGetGraphCounts(BatchGetGraphCountsRequest(user_ids=[author_id]))
        counts = answer.counts[author_id]
        return Audience(author_class_of(counts.author_class), counts.followers_count)

    async def followers(self, author_id: int, *, after_edge_id: int) -> FollowerPage:
        request = ListFollowerIdsRequest(user_id=author_id, after_edge_id=after_edge_id)
        answer = await self._stub.ListFollowerIds(request)
        return FollowerPage(tuple(answer.follower_user_ids), answer.next_after_edge_id)

    async def followees(self, user_id: int) -> list[Followee]:
        followees: list[Followee] = []
        after_edge_id = 0
        while True:
            request = ListFolloweeIdsRequest(user_id=user_id, after_edge_id=after_edge_id)
            answer = await self._stub.ListFolloweeIds(request)
            followees += (
                Followee(followee.user_id, author_class_of(followee.author_class), followee.edge_id)
                for followee in answer.followees
            )
            after_edge_id = answer.next_after_edge_id
            if not after_edge_id:
                return followees

    async def is_following(self, follower_id: int, followee_id: int) -> bool:
        request = GetReadContextRequest(viewer_user_id=follower_id, author_user_ids=[followee_id], authors_only=True)
        answer = await self._stub.GetReadContext(request)
        return any(other.following for other in answer.relationships)
