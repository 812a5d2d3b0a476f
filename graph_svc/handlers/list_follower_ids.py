"""Followers of an account, newest first, for fan-out."""

from __future__ import annotations

from aviary.graph.internal.v1.graph_internal_service_pb2 import ListFollowerIdsRequest, ListFollowerIdsResponse
from graph_svc.store import GraphStore

LARGEST_PAGE = 1000


async def list_follower_ids(request: ListFollowerIdsRequest, *, store: GraphStore) -> ListFollowerIdsResponse:
    """One page; an account that nobody knows has no followers."""
    page = await store.follower_ids(
        request.user_id, below_edge_id=request.after_edge_id, limit=request.limit or LARGEST_PAGE
    )
    return ListFollowerIdsResponse(follower_user_ids=page.user_ids, next_after_edge_id=page.last_edge_id)
