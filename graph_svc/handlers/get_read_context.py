"""All that a page needs of the graph, in one call. On the path of every home page: three look-ups by key, no more."""

from __future__ import annotations

from aviary.graph.internal.v1.graph_internal_service_pb2 import GetReadContextRequest, GetReadContextResponse
from aviary.type.v1.user_pb2 import Relationship
from graph_svc.store import GraphStore


async def get_read_context(request: GetReadContextRequest, *, store: GraphStore) -> GetReadContextResponse:
    """Whom to pull, and how the viewer stands to the authors, in the order asked."""
    viewer_id = request.viewer_user_id
    # The version first: what is read after it is at least as new.
    version = await store.follows_version(viewer_id)
    pulled = [] if request.authors_only else await store.pulled_authors(viewer_id)
    relationships = await store.relationships(viewer_id, request.author_user_ids)
    return GetReadContextResponse(
        pull_author_ids=pulled,
        relationships=[
            Relationship(user_id=other.user_id, following=other.is_following, followed_by=other.is_followed_by)
            for other in relationships
        ],
        version=version,
    )
