"""Tells the limits in force: they are settings, so clients ask."""

from __future__ import annotations

from aviary.tweet.v1.tweet_service_pb2 import GetLimitsRequest, GetLimitsResponse


async def get_limits(request: GetLimitsRequest, *, max_length: int) -> GetLimitsResponse:  # noqa: ARG001 - it is empty
    """The greatest length of a tweet."""
    return GetLimitsResponse(tweet_max_length=max_length)
