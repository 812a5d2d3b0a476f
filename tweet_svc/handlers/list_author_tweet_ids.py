"""Newest ids of several authors, for the services that keep timelines."""

from __future__ import annotations

from aviary.tweet.internal.v1.tweet_internal_service_pb2 import (
    AuthorTweetIds,
    ListAuthorTweetIdsRequest,
    ListAuthorTweetIdsResponse,
)
from tweet_svc.store import TweetStore


async def list_author_tweet_ids(request: ListAuthorTweetIdsRequest, *, store: TweetStore) -> ListAuthorTweetIdsResponse:
    """Ids of live tweets between since_id and max_id, both exclusive, newest first, up to `limit` for each author."""
    found = await store.list_author_ids(
        request.user_ids, below=request.max_id, above=request.since_id, limit=request.limit
    )
    return ListAuthorTweetIdsResponse(
        authors=[AuthorTweetIds(user_id=user_id, tweet_ids=ids) for user_id, ids in found.items()]
    )
