"""A tweet was posted: its author has one more, and the tweet that it answers one more reply."""

from __future__ import annotations

from aviary.events.v1.events_pb2 import Event
from engagement_svc.store import EngagementStore
from mesh.events.consume import Outcome
from mesh.failpoints import fp


async def on_tweet_created(event: Event, *, store: EngagementStore) -> Outcome:
    """Counted once, however often and in whatever order the tweet's events come."""
    tweet = event.tweet_created.tweet
    await store.add_tweet(tweet.tweet_id, author_id=tweet.user_id, parent_id=tweet.in_reply_to_tweet_id)
    fp("counts.tweet_added")
    return Outcome.DONE
