"""A tweet was deleted: neither its author nor the tweet that it answered counts it any more."""

from __future__ import annotations

from aviary.events.v1.events_pb2 import Event
from engagement_svc.store import EngagementStore
from mesh.events.consume import Outcome
from mesh.failpoints import fp


async def on_tweet_deleted(event: Event, *, store: EngagementStore) -> Outcome:
    """Taken off once; a created event that comes later counts nothing."""
    deleted = event.tweet_deleted
    await store.remove_tweet(deleted.tweet_id, author_id=deleted.user_id, parent_id=deleted.in_reply_to_tweet_id)
    fp("counts.tweet_removed")
    return Outcome.DONE
