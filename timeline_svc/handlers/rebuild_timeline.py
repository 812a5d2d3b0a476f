"""RebuildTimeline: an operator has a home timeline built anew from the graph and the tweets."""

from __future__ import annotations

from aviary.timeline.internal.v1 import timeline_internal_service_pb2 as pb
from mesh.errors import Unavailable
from timeline_svc.home.rebuild import Rebuilder


async def rebuild_timeline(request: pb.RebuildTimelineRequest, *, rebuilder: Rebuilder) -> pb.RebuildTimelineResponse:
    """Readers are served from the sources meanwhile. Unavailable when somebody else began to build it just now."""
    built = await rebuilder.renew(request.user_id)
    if built is None:
        raise Unavailable.backend("the timeline, which is being built,")
    return pb.RebuildTimelineResponse(entries_count=len(built.ids), floor_id=built.covers_to)
