"""Counts and fan-out class of many accounts."""

from __future__ import annotations

from aviary.graph.internal.v1.graph_internal_service_pb2 import (
    BatchGetGraphCountsRequest,
    BatchGetGraphCountsResponse,
    GraphCounts,
)
from graph_svc.convert import to_class_message
from graph_svc.store import GraphStore


async def batch_get_graph_counts(
    request: BatchGetGraphCountsRequest, *, store: GraphStore
) -> BatchGetGraphCountsResponse:
    """Of every account asked: one without follows has zeros, and they are known."""
    counts = await store.counts(request.user_ids)
    return BatchGetGraphCountsResponse(
        counts={
            user_id: GraphCounts(
                followers_count=found.followers_count,
                following_count=found.following_count,
                author_class=to_class_message(found.author_class),
            )
            for user_id, found in counts.items()
        }
    )
