"""Stubs of tweet_svc for whoever calls it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aviary.mesh.internal.v1.mesh_admin_service_pb2 import ListOutboxRequest
from aviary.mesh.internal.v1.mesh_admin_service_pb2_grpc import MeshAdminServiceStub
from aviary.tweet.internal.v1.tweet_internal_service_pb2_grpc import TweetInternalServiceStub
from aviary.tweet.v1.tweet_service_pb2 import CreateTweetRequest, DeleteTweetRequest
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub
from aviary.type.v1.tweet_pb2 import Tweet
from tests.support.running import RunningService, issue_service_token, issue_user_token

if TYPE_CHECKING:  # the typed stubs are known to type checkers only
    from aviary.tweet.internal.v1.tweet_internal_service_pb2_grpc import TweetInternalServiceAsyncStub
    from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceAsyncStub

ANN, BOB, CYD = 1_001, 1_002, 1_003
UNKNOWN = 2_004


class Callers:
    """Who calls tweet_svc in a test."""

    def __init__(self, running: RunningService) -> None:
        self._running = running

    def user(self, user_id: int) -> TweetServiceAsyncStub:
        """The public service, called by a user; 0 is anonymous."""
        return TweetServiceStub(self._running.channel(issue_user_token(user_id) if user_id else ""))

    def with_token(self, token: str) -> TweetServiceAsyncStub:
        """The public service, called with this token."""
        return TweetServiceStub(self._running.channel(token))

    def service(self, name: str = "timeline_svc") -> TweetInternalServiceAsyncStub:
        """The internal service, called by another service."""
        return TweetInternalServiceStub(self._running.channel(issue_service_token(name)))

    def user_on_internal(self, user_id: int) -> TweetInternalServiceAsyncStub:
        """The internal service, called by a user, who may not."""
        return TweetInternalServiceStub(self._running.channel(issue_user_token(user_id)))

    async def post(self, user_id: int, content: str = "hello", *, answers: int = 0) -> Tweet:
        """A new tweet of a user."""
        request = CreateTweetRequest(content=content, in_reply_to_tweet_id=answers)
        return (await self.user(user_id).CreateTweet(request)).tweet

    async def delete(self, tweet: Tweet) -> None:
        """Let its author delete a tweet."""
        await self.user(tweet.user_id).DeleteTweet(DeleteTweetRequest(tweet_id=tweet.tweet_id))

    async def waiting_events(self) -> list[tuple[str, int]]:
        """Name and id of each event in the outbox, oldest first."""
        admin = MeshAdminServiceStub(self._running.channel(issue_service_token("operator", ["mesh:admin"])))
        answer = await admin.ListOutbox(ListOutboxRequest())
        return [(entry.subject.split(".")[2], entry.event_id) for entry in answer.entries]


def ids(tweets: Iterable[Tweet]) -> list[int]:
    """The ids of tweets, in their order."""
    return [tweet.tweet_id for tweet in tweets]
