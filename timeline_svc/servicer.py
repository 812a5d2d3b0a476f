"""Which handler answers which RPC, and what it is given."""

from __future__ import annotations

from dataclasses import dataclass

from aviary.timeline.internal.v1 import timeline_internal_service_pb2 as internal
from aviary.timeline.internal.v1 import timeline_internal_service_pb2_grpc as internal_grpc
from aviary.timeline.v1 import timeline_service_pb2 as public
from aviary.timeline.v1 import timeline_service_pb2_grpc as public_grpc
from mesh.caller import current_caller
from mesh.paging import Paging
from timeline_svc.handlers.explain_timeline import explain_timeline
from timeline_svc.handlers.get_fanout_status import get_fanout_status
from timeline_svc.handlers.list_home_timeline import list_home_timeline
from timeline_svc.handlers.rebuild_timeline import rebuild_timeline
from timeline_svc.home.explain import Explainer
from timeline_svc.home.page import HomeReader
from timeline_svc.home.rebuild import Rebuilder
from timeline_svc.store import FanoutRecords


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handlers are given to work with."""

    home: HomeReader
    rebuilder: Rebuilder
    explainer: Explainer
    records: FanoutRecords
    paging: Paging


class TimelineServicer(public_grpc.TimelineServiceServicer):
    """Answers aviary.timeline.v1.TimelineService."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def ListHomeTimeline(
        self, request: public.ListHomeTimelineRequest, _context: object
    ) -> public.ListHomeTimelineResponse:
        deps = self._deps
        return await list_home_timeline(request, caller=current_caller(), home=deps.home, paging=deps.paging)


class TimelineInternalServicer(internal_grpc.TimelineInternalServiceServicer):
    """Answers aviary.timeline.internal.v1.TimelineInternalService."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def RebuildTimeline(
        self, request: internal.RebuildTimelineRequest, _context: object
    ) -> internal.RebuildTimelineResponse:
        return await rebuild_timeline(request, rebuilder=self._deps.rebuilder)

    async def ExplainTimeline(
        self, request: internal.ExplainTimelineRequest, _context: object
    ) -> internal.ExplainTimelineResponse:
        return await explain_timeline(request, explainer=self._deps.explainer)

    async def GetFanoutStatus(
        self, request: internal.GetFanoutStatusRequest, _context: object
    ) -> internal.GetFanoutStatusResponse:
        return await get_fanout_status(request, records=self._deps.records)
