"""Reads many tweets at once."""

from __future__ import annotations

from aviary.tweet.v1.tweet_service_pb2 import BatchGetTweetsRequest, BatchGetTweetsResponse
from mesh.caller import Caller
from views.tweets import TweetReader


async def batch_get_tweets(
    request: BatchGetTweetsRequest, *, caller: Caller, reader: TweetReader
) -> BatchGetTweetsResponse:
    """The tweets found in the order asked, each once; unknown and deleted ids beside them."""
    seen = await reader.read(request.tweet_ids, viewer_id=caller.user_id, expansions=request.expansions)
    return BatchGetTweetsResponse(
        tweets=seen.tweets, missing_tweet_ids=seen.missing, includes=seen.includes, degraded=seen.degraded
    )
