"""Posts a tweet or a reply: check, claim the key, save tweet and event together."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from aviary.tweet.v1.tweet_service_pb2 import CreateTweetRequest, CreateTweetResponse
from aviary.type.v1 import tweet_pb2
from mesh.caller import Caller
from mesh.clock import Clock
from mesh.errors import InvalidArgument
from mesh.failpoints import fp
from mesh.ids import IdSource
from tweet_svc import events
from tweet_svc.convert import to_message
from tweet_svc.entities import find_entities
from tweet_svc.model import RequestKey, Tweet, TweetNotFound, checked_text
from tweet_svc.store import TweetStore
from views.tweets import TweetReader

METHOD = "CreateTweet"
MOST_MENTIONS = 50
MOST_URLS = 10


async def create_tweet(
    request: CreateTweetRequest,
    *,
    caller: Caller,
    store: TweetStore,
    reader: TweetReader,
    ids: IdSource,
    clock: Clock,
    max_length: int,
    tell_replayed: Callable[[], Awaitable[None]],
) -> CreateTweetResponse:
    """The new tweet; with a key that came before, the tweet that it made, as it is now.

    A key whose tweet was deleted since answers TweetNotFound: the repeat must not post it again. A key is bound to its
    request also when the request fails, and the same request may be repeated under it.
    """
    text = _checked(request.content, max_length=max_length)
    tweet_id = ids.next_id()
    fp("post.id_taken")
    if request.request_id:
        claim = await store.claim(
            RequestKey(caller.user_id, METHOD, request.request_id),
            request_hash=_hash(request),
            candidate_id=tweet_id,
            at_us=clock.now_us(),
        )
        tweet_id = claim.tweet_id
        fp("post.claimed")
        stored = (await store.get_many([tweet_id])).get(tweet_id) if claim.replayed else None
        if stored is not None:
            # The call before may have been cut off: after this one every list has the tweet.
            at_us = clock.now_us()
            await store.insert(stored, announce=events.tweet_created(stored, at_us=at_us), at_us=at_us)
            await tell_replayed()
            fp("post.replayed")
            return await _as_it_is_now(tweet_id, caller=caller, reader=reader)
    parent = await _parent(request.in_reply_to_tweet_id, store)
    tweet = Tweet(
        tweet_id=tweet_id,
        user_id=caller.user_id,
        content=text,
        in_reply_to_tweet_id=parent.tweet_id if parent else 0,
        conversation_id=parent.conversation_id if parent else tweet_id,
    )
    at_us = clock.now_us()
    await store.insert(tweet, announce=events.tweet_created(tweet, at_us=at_us), at_us=at_us)
    fp("post.committed")
    return CreateTweetResponse(tweet=_new(tweet))


def _checked(content: str, *, max_length: int) -> str:
    text = checked_text(content, max_length=max_length)
    found = find_entities(text)
    if len(found.mentions) > MOST_MENTIONS:
        raise InvalidArgument.field("content", f"must not mention more than {MOST_MENTIONS} users")
    if len(found.urls) > MOST_URLS:
        raise InvalidArgument.field("content", f"must not have more than {MOST_URLS} links")
    return text


def _hash(request: CreateTweetRequest) -> bytes:
    keyless = CreateTweetRequest()
    keyless.CopyFrom(request)
    keyless.ClearField("request_id")
    return hashlib.sha256(keyless.SerializeToString(deterministic=True)).digest()


async def _parent(tweet_id: int, store: TweetStore) -> Tweet | None:
    if not tweet_id:
        return None
    parent = (await store.get_many([tweet_id])).get(tweet_id)
    if parent is None or parent.is_deleted:
        raise TweetNotFound(tweet_id)
    return parent


async def _as_it_is_now(tweet_id: int, *, caller: Caller, reader: TweetReader) -> CreateTweetResponse:
    seen = await reader.read([tweet_id], viewer_id=caller.user_id)
    if not seen.tweets:
        raise TweetNotFound(tweet_id)
    return CreateTweetResponse(tweet=seen.tweets[0])


def _new(tweet: Tweet) -> tweet_pb2.Tweet:
    """Nobody can have reacted to it yet: zeros that are known, without asking."""
    message = to_message(tweet)
    message.counts.SetInParent()
    message.viewer.SetInParent()
    return message
