"""The own event: a tombstone in the cache, where a gap would let a slow reader put the old body back."""

from __future__ import annotations

from aviary.events.v1.events_pb2 import Event
from mesh.failpoints import fp
from views.cache import BodyCache


async def on_tweet_deleted(event: Event, *, cache: BodyCache) -> None:
    """Overwrite the body. Raises Unavailable: the outbox repeats it."""
    fp("body.before_tombstone")
    await cache.bury_tweet(event.tweet_deleted.tweet_id)
    fp("body.buried")
