"""Likes a tweet; {"liked": false} takes the like back."""

from __future__ import annotations

from aviary.engagement.v1.engagement_service_pb2 import LikeTweetRequest, LikeTweetResponse, UnlikeTweetRequest
from engagement_svc.clients.tweets import LiveTweets
from engagement_svc.convert import to_timestamp
from engagement_svc.handlers.unlike_tweet import unlike_tweet
from engagement_svc.model import TweetNotFound
from engagement_svc.store import EngagementStore
from mesh.caller import Caller
from mesh.clock import Clock
from mesh.failpoints import fp
from mesh.ids import IdSource


async def like_tweet(
    request: LikeTweetRequest,
    *,
    caller: Caller,
    store: EngagementStore,
    tweets: LiveTweets,
    ids: IdSource,
    clock: Clock,
) -> LikeTweetResponse:
    """In the wanted state when this returns; repeating it changes nothing. Raises TweetNotFound."""
    if request.HasField("liked") and not request.liked:
        unliked = await unlike_tweet(
            UnlikeTweetRequest(tweet_id=request.tweet_id), caller=caller, store=store, tweets=tweets, clock=clock
        )
        return LikeTweetResponse(liked=False, likes_count=unliked.likes_count)
    if not await tweets.has(request.tweet_id):
        raise TweetNotFound(request.tweet_id)
    fp("like.tweet_known")
    liking = await store.like(caller.user_id, request.tweet_id, new_edge_id=ids.next_id(), now_us=clock.now_us())
    fp("like.committed")
    return LikeTweetResponse(
        liked=True, likes_count=liking.likes_count, create_time=to_timestamp(liking.edge.created_us)
    )
