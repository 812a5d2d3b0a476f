"""Accounts a user follows, newest first, with their classes, for the rebuild of a timeline."""

from __future__ import annotations

from aviary.graph.internal.v1.graph_internal_service_pb2 import (
    Followee,
    ListFolloweeIdsRequest,
    ListFolloweeIdsResponse,
)
from graph_svc.convert import to_class_message
from graph_svc.store import GraphStore

LARGEST_PAGE = 1000


async def list_followee_ids(request: ListFolloweeIdsRequest, *, store: GraphStore) -> ListFolloweeIdsResponse:
    """One page; an account that nobody knows follows nobody."""
    limit = request.limit or LARGEST_PAGE
    found = await store.followees(request.user_id, below_edge_id=request.after_edge_id, limit=limit + 1)
    page = found[:limit]
    return ListFolloweeIdsResponse(
        followees=[
            Followee(user_id=other.user_id, author_class=to_class_message(other.author_class), edge_id=other.edge_id)
            for other in page
        ],
        next_after_edge_id=page[-1].edge_id if len(found) > limit else 0,
    )
