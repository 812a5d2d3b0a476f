"""Deletes one's own tweet: leaves a tombstone, and announces it."""

from __future__ import annotations

from aviary.tweet.v1.tweet_service_pb2 import DeleteTweetRequest, DeleteTweetResponse
from mesh.caller import Caller
from mesh.clock import Clock
from mesh.failpoints import fp
from mesh.ids import IdSource
from tweet_svc import events
from tweet_svc.model import NotTheAuthor, TweetNotFound
from tweet_svc.store import TweetStore


async def delete_tweet(
    request: DeleteTweetRequest, *, caller: Caller, store: TweetStore, ids: IdSource, clock: Clock
) -> DeleteTweetResponse:
    """Gone when this returns; repeating it succeeds. Raises TweetNotFound and, for a live one, NotTheAuthor."""
    tweet = (await store.get_many([request.tweet_id])).get(request.tweet_id)
    if tweet is None:
        raise TweetNotFound(request.tweet_id)
    if tweet.user_id != caller.user_id:
        # That a deleted tweet once existed is nobody else's business.
        raise TweetNotFound(request.tweet_id) if tweet.is_deleted else NotTheAuthor(request.tweet_id)
    if not tweet.is_deleted:
        at_us = clock.now_us()
        announce = events.tweet_deleted(tweet, event_id=ids.next_id(), at_us=at_us)
        fp("delete.row_read")
        await store.delete(tweet, announce=announce, at_us=at_us)
        fp("delete.committed")
    return DeleteTweetResponse()
