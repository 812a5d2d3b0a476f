"""Who asks timeline_svc's internal service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aviary.timeline.internal.v1.timeline_internal_service_pb2_grpc import TimelineInternalServiceStub
from tests.services.timeline_svc.conftest import Home
from tests.support.running import issue_service_token

if TYPE_CHECKING:  # the typed stub is known to type checkers only
    from aviary.timeline.internal.v1.timeline_internal_service_pb2_grpc import TimelineInternalServiceAsyncStub


def operator_of(home: Home) -> TimelineInternalServiceAsyncStub:
    """An operator's stub."""
    return TimelineInternalServiceStub(home.channel(issue_service_token("operator", ["mesh:admin"])))
