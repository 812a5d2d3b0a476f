"""Reads one tweet."""

from __future__ import annotations

from aviary.tweet.v1.tweet_service_pb2 import GetTweetRequest, GetTweetResponse
from mesh.caller import Caller
from tweet_svc.model import TweetNotFound
from views.tweets import TweetReader


async def get_tweet(request: GetTweetRequest, *, caller: Caller, reader: TweetReader) -> GetTweetResponse:
    """The tweet as the caller may see it. Raises TweetNotFound, also for a deleted one."""
    seen = await reader.read([request.tweet_id], viewer_id=caller.user_id, expansions=request.expansions)
    if not seen.tweets:
        raise TweetNotFound(request.tweet_id)
    return GetTweetResponse(tweet=seen.tweets[0], includes=seen.includes, degraded=seen.degraded)
