"""Takes a like back."""

from __future__ import annotations

from aviary.engagement.v1.engagement_service_pb2 import UnlikeTweetRequest, UnlikeTweetResponse
from engagement_svc.clients.tweets import LiveTweets
from engagement_svc.model import TweetNotFound
from engagement_svc.store import EngagementStore
from mesh.caller import Caller
from mesh.clock import Clock
from mesh.failpoints import fp


async def unlike_tweet(
    request: UnlikeTweetRequest, *, caller: Caller, store: EngagementStore, tweets: LiveTweets, clock: Clock
) -> UnlikeTweetResponse:
    """Not liked when this returns, whether it was before or not. Raises TweetNotFound.

    A like outlives its tweet, and can be taken back then too.
    """
    liking = await store.unlike(caller.user_id, request.tweet_id, now_us=clock.now_us())
    fp("unlike.committed")
    if liking is not None:
        return UnlikeTweetResponse(likes_count=liking.likes_count)
    if not await tweets.has(request.tweet_id):
        raise TweetNotFound(request.tweet_id)
    (engagement,) = await store.engagements([request.tweet_id], viewer_id=0)
    return UnlikeTweetResponse(likes_count=engagement.likes_count)
