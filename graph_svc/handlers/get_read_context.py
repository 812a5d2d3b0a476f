"""All that a page needs of the graph, in one call. On the path of every home page: three look-ups by key, no more."""

from __future__ import annotations

from aviary.graph.internal.v1.graph_internal_service_pb2 import GetReadContextRequest, GetReadContextResponse
from graph_svc.store import GraphStore


async def get_read_context(request: GetReadContextRequest, *, store: GraphStore) -> GetReadContextResponse:
    """Whom to pull, and how the viewer stands to the authors, in the order asked."""
    viewer_id = request.viewer_user_id
    # The version first: what is read after it is at least as new.
    version = await store.follows_version(viewer_id)
    pulled = [] if request.authors_only else await store.pulled_authors(viewer_id)
    relationships = await store.relationships(viewer_id, request.author_user_ids)
    answer = GetReadContextResponse(pull_author_ids=pulled, version=version)
    # Field by field: half the time of keyword arguments.
    for other in relationships:
        relationship = answer.relationships.add()
        relationship.user_id = other.user_id
        relationship.following = other.is_following
        relationship.followed_by = other.is_followed_by
    return answer
