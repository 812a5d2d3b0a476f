"""A follow began or ended: make the follower's timeline match."""

from __future__ import annotations

from aviary.events.v1.events_pb2 import Event
from mesh.events.consume import Outcome
from timeline_svc.fanout.backfill import Backfill


async def on_follow_changed(event: Event, *, backfill: Backfill) -> Outcome:
    """The event only says where to look: the edge may have changed again since."""
    change = event.follow_changed
    await backfill.match(change.follower_user_id, change.followee_user_id)
    return Outcome.DONE
