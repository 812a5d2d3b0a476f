"""RebuildTimeline: an operator has a home timeline built anew from the graph and the tweets."""

from __future__ import annotations

from aviary.timeline.internal.v1 import timeline_internal_service_pb2 as pb
from mesh.errors import Unavailable
from timeline_svc.home.rebuild import Rebuilder
from timeline_svc.model import Status
from timeline_svc.store import TimelineStore


async def rebuild_timeline(
    request: pb.RebuildTimelineRequest, *, store: TimelineStore, rebuilder: Rebuilder
) -> pb.RebuildTimelineResponse:
    """Readers are served from the sources meanwhile. Unavailable when somebody else began to build it just now.

    A build that was under way here is joined, and has lost its timeline by the drop: its outcome is not the answer.
    """
    await store.drop(request.user_id)
    built = await rebuilder.build(request.user_id)
    if built is None or (await store.state(request.user_id)).status is not Status.READY:
        raise Unavailable.backend("the timeline, which is being built,")
    return pb.RebuildTimelineResponse(entries_count=len(built.ids), floor_id=built.covers_to)
