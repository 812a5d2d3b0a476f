"""Which handler answers which RPC, and what it is given."""

from __future__ import annotations

from dataclasses import dataclass

from aviary.tweet.internal.v1 import tweet_internal_service_pb2 as internal
from aviary.tweet.internal.v1 import tweet_internal_service_pb2_grpc as internal_grpc
from aviary.tweet.v1 import tweet_service_pb2 as public
from aviary.tweet.v1 import tweet_service_pb2_grpc as public_grpc
from mesh.caller import current_caller
from mesh.clock import Clock
from mesh.ids import IdSource
from mesh.interceptors.incoming import Context
from mesh.paging import Paging
from tweet_svc.handlers.batch_get_stored_tweets import batch_get_stored_tweets
from tweet_svc.handlers.batch_get_tweets import batch_get_tweets
from tweet_svc.handlers.create_tweet import create_tweet
from tweet_svc.handlers.delete_tweet import delete_tweet
from tweet_svc.handlers.get_limits import get_limits
from tweet_svc.handlers.get_tweet import get_tweet
from tweet_svc.handlers.list_author_tweet_ids import list_author_tweet_ids
from tweet_svc.handlers.list_replies import list_replies
from tweet_svc.handlers.list_user_tweets import list_user_tweets
from tweet_svc.store import TweetStore
from views.clients.users import UserCards
from views.tweets import TweetReader

REPLAYED = (("idempotency-replayed", "true"),)


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handlers are given to work with."""

    store: TweetStore
    reader: TweetReader
    users: UserCards
    ids: IdSource
    clock: Clock
    paging: Paging
    max_length: int


class TweetServicer(public_grpc.TweetServiceServicer):
    """Answers aviary.tweet.v1.TweetService."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def CreateTweet(self, request: public.CreateTweetRequest, context: Context) -> public.CreateTweetResponse:
        deps = self._deps
        return await create_tweet(
            request,
            caller=current_caller(),
            store=deps.store,
            reader=deps.reader,
            ids=deps.ids,
            clock=deps.clock,
            max_length=deps.max_length,
            tell_replayed=lambda: context.send_initial_metadata(REPLAYED),
        )

    async def GetTweet(self, request: public.GetTweetRequest, _context: object) -> public.GetTweetResponse:
        return await get_tweet(request, caller=current_caller(), reader=self._deps.reader)

    async def BatchGetTweets(
        self, request: public.BatchGetTweetsRequest, _context: object
    ) -> public.BatchGetTweetsResponse:
        return await batch_get_tweets(request, caller=current_caller(), reader=self._deps.reader)

    async def DeleteTweet(self, request: public.DeleteTweetRequest, _context: object) -> public.DeleteTweetResponse:
        deps = self._deps
        return await delete_tweet(request, caller=current_caller(), store=deps.store, ids=deps.ids, clock=deps.clock)

    async def ListUserTweets(
        self, request: public.ListUserTweetsRequest, _context: object
    ) -> public.ListUserTweetsResponse:
        deps = self._deps
        return await list_user_tweets(
            request,
            caller=current_caller(),
            store=deps.store,
            reader=deps.reader,
            users=deps.users,
            paging=deps.paging,
        )

    async def ListReplies(self, request: public.ListRepliesRequest, _context: object) -> public.ListRepliesResponse:
        deps = self._deps
        return await list_replies(
            request, caller=current_caller(), store=deps.store, reader=deps.reader, paging=deps.paging
        )

    async def GetLimits(self, request: public.GetLimitsRequest, _context: object) -> public.GetLimitsResponse:
        return await get_limits(request, max_length=self._deps.max_length)


class TweetInternalServicer(internal_grpc.TweetInternalServiceServicer):
    """Answers aviary.tweet.internal.v1.TweetInternalService."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def BatchGetStoredTweets(
        self, request: internal.BatchGetStoredTweetsRequest, _context: object
    ) -> internal.BatchGetStoredTweetsResponse:
        return await batch_get_stored_tweets(request, store=self._deps.store)

    async def ListAuthorTweetIds(
        self, request: internal.ListAuthorTweetIdsRequest, _context: object
    ) -> internal.ListAuthorTweetIdsResponse:
        return await list_author_tweet_ids(request, store=self._deps.store)
