"""Bodies and author cards in Redis: `tweet:<id>` and `user:<id>`, serialised without counts and viewer state.

Readers fill what they missed, and never overwrite (SET NX); the owner of a fact overwrites it after every change. So a
reader that is slow cannot bring back what its owner has replaced. A deleted tweet leaves an empty value, a tombstone,
and not a gap, for the same reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from google.protobuf.message import DecodeError
from redis.exceptions import RedisError

from aviary.type.v1 import tweet_pb2, user_pb2
from mesh.clock import Clock, SystemClock
from mesh.errors import Unavailable
from views.metrics import ViewMetrics

TTL_SECONDS = 300
SKIP_SECONDS = 1.0
TOMBSTONE = b""

Entry = TypeVar("Entry", tweet_pb2.Tweet, user_pb2.User)


class RedisCommands(Protocol):
    """What sends a command: `mesh.storage.redis_pipeline` for who does it all the time, redis-py for others."""

    async def execute_command(self, *command: str | int | bytes) -> Any:  # noqa: ANN401 - whatever Redis answers
        """The answer. Raises RedisError, or OSError."""
        ...


class BodyCache:
    """Reads and fills are best effort: while Redis is away they find nothing, and for a second after a failure
    they do not ask. The owner's overwrites raise Unavailable, so that the outbox repeats them.
    """

    def __init__(
        self,
        redis: RedisCommands,
        *,
        clock: Clock | None = None,
        metrics: ViewMetrics | None = None,
    ) -> None:
        self._redis = redis
        self._clock = clock or SystemClock()
        self._metrics = metrics or ViewMetrics()
        self._skip_until = float("-inf")

    async def tweets(self, ids: Sequence[int]) -> dict[int, tweet_pb2.Tweet | None]:
        """Cached tweets by id; None for a deleted one. An id that is not there is not cached."""
        found: dict[int, tweet_pb2.Tweet | None] = {}
        for tweet_id, value in (await self._read("tweet", ids)).items():
            try:
                found[tweet_id] = tweet_pb2.Tweet.FromString(value) if value else None
            except DecodeError:
                continue
        return found

    async def users(self, ids: Sequence[int]) -> dict[int, user_pb2.User]:
        """Cached accounts by id. An id that is not there is not cached."""
        found = {}
        for user_id, value in (await self._read("user", ids)).items():
            try:
                found[user_id] = user_pb2.User.FromString(value)
            except DecodeError:
                continue
        return found

    async def fill_tweets(self, tweets: Mapping[int, tweet_pb2.Tweet | None]) -> None:
        """Keep what a reader missed, None as a tombstone; what is there stays."""
        await self._fill({f"tweet:{id_}": _bare(tweet) if tweet else TOMBSTONE for id_, tweet in tweets.items()})

    async def fill_users(self, users: Iterable[user_pb2.User]) -> None:
        """Keep what a reader missed; what is there stays."""
        await self._fill({f"user:{user.user_id}": _bare(user) for user in users})

    async def put_tweet(self, tweet: tweet_pb2.Tweet) -> None:
        """The owner's overwrite. Raises Unavailable when Redis did not take it."""
        await self._put(f"tweet:{tweet.tweet_id}", _bare(tweet))

    async def bury_tweet(self, tweet_id: int) -> None:
        """The owner's overwrite of a deleted tweet. Raises Unavailable when Redis did not take it."""
        await self._put(f"tweet:{tweet_id}", TOMBSTONE)

    async def put_user(self, user: user_pb2.User) -> None:
        """The owner's overwrite. Raises Unavailable when Redis did not take it."""
        await self._put(f"user:{user.user_id}", _bare(user))

    async def _read(self, kind: str, ids: Sequence[int]) -> dict[int, bytes]:
        if not ids:
            return {}
        values = await self._values([f"{kind}:{id_}" for id_ in ids])
        found = {id_: value for id_, value in zip(ids, values, strict=False) if isinstance(value, bytes)}
        self._metrics.look_up(kind, hits=len(found), misses=len(ids) - len(found))
        return found

    async def _values(self, keys: list[str]) -> Sequence[object]:
        if self._is_skipped():
            return ()
        try:
            values: Sequence[object] = await self._redis.execute_command("MGET", *keys)
        except (RedisError, OSError):
            self._skip()
            return ()
        return values

    async def _fill(self, values: Mapping[str, bytes]) -> None:
        if not values or self._is_skipped():
            return
        set_ = self._redis.execute_command
        try:
            await asyncio.gather(*(set_("SET", key, value, "EX", TTL_SECONDS, "NX") for key, value in values.items()))
        except (RedisError, OSError):
            self._skip()

    async def _put(self, key: str, value: bytes) -> None:
        try:
            await self._redis.execute_command("SET", key, value, "EX", TTL_SECONDS)
        except (RedisError, OSError) as failure:
            raise Unavailable.backend("redis") from failure

    def _is_skipped(self) -> bool:
        return self._clock.monotonic() < self._skip_until

    def _skip(self) -> None:
        self._skip_until = self._clock.monotonic() + SKIP_SECONDS


def _bare(entry: Entry) -> bytes:
    """The bytes of an entry without what changes behind its owner's back."""
    if not entry.HasField("counts") and not (isinstance(entry, tweet_pb2.Tweet) and entry.HasField("viewer")):
        return entry.SerializeToString()
    bare = type(entry)()
    bare.CopyFrom(entry)
    bare.ClearField("counts")
    if isinstance(bare, tweet_pb2.Tweet):
        bare.ClearField("viewer")
    return bare.SerializeToString()
