"""Tweets as they are stored, for other services."""

from __future__ import annotations

from aviary.tweet.internal.v1.tweet_internal_service_pb2 import (
    BatchGetStoredTweetsRequest,
    BatchGetStoredTweetsResponse,
)
from tweet_svc.convert import to_message
from tweet_svc.store import TweetStore


async def batch_get_stored_tweets(
    request: BatchGetStoredTweetsRequest, *, store: TweetStore
) -> BatchGetStoredTweetsResponse:
    """Live tweets by id, and the ids of deleted ones; an id in neither is unknown."""
    found = await store.get_many(request.tweet_ids)
    response = BatchGetStoredTweetsResponse()
    for tweet_id, tweet in found.items():
        if tweet.is_deleted:
            response.deleted_tweet_ids.append(tweet_id)
        else:
            response.tweets[tweet_id].CopyFrom(to_message(tweet))
    return response
