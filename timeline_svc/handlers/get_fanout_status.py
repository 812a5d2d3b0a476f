"""GetFanoutStatus: an operator asks how far the fan-out of a tweet has come."""

from __future__ import annotations

from aviary.timeline.internal.v1 import timeline_internal_service_pb2 as pb
from timeline_svc.convert import to_status_message
from timeline_svc.model import status_of
from timeline_svc.store import FanoutRecords


async def get_fanout_status(
    request: pb.GetFanoutStatusRequest, *, records: FanoutRecords
) -> pb.GetFanoutStatusResponse:
    """UNKNOWN also for a tweet that there never was: nobody is asked but the records."""
    return to_status_message(status_of(await records.find(request.tweet_id)))
