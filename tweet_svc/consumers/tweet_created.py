"""The own event: the new tweet goes into the cache, so that its first readers find it there."""

from __future__ import annotations

from aviary.events.v1.events_pb2 import Event
from mesh.failpoints import fp
from tweet_svc.convert import to_message
from tweet_svc.store import TweetStore
from views.cache import BodyCache


async def on_tweet_created(event: Event, *, store: TweetStore, cache: BodyCache) -> None:
    """Make the cache say what the store says. Raises Unavailable: the outbox repeats it.

    The row is read again after the write: a delete in between has buried the body already, and this write would have
    brought it back.
    """
    tweet_id = event.tweet_created.tweet.tweet_id
    tweet = (await store.get_many([tweet_id])).get(tweet_id)
    if tweet is not None and not tweet.is_deleted:
        fp("body.row_read")
        await cache.put_tweet(to_message(tweet))
        fp("body.put")
        tweet = (await store.get_many([tweet_id])).get(tweet_id)
    if tweet is not None and tweet.is_deleted:
        await cache.bury_tweet(tweet_id)
