"""One way to open Redis: short timeouts, no hidden repeats, bytes in and bytes out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

SOCKET_TIMEOUT = timedelta(seconds=0.3)
MOST_CONNECTIONS = 32


@asynccontextmanager
async def open_redis(url: str, *, at_most: timedelta = SOCKET_TIMEOUT) -> AsyncIterator[Redis]:
    """A client for redis://, rediss:// or unix:// that connects when it is first used, so Redis may be away now.

    Commands are sent once: redis-py repeats them by itself otherwise, INCR and MULTI too
    (https://github.com/redis/redis-py/issues/4082). Its errors come out as they are, each step after `at_most`, and
    stores turn them into Unavailable. Raises ValueError for a URL of another kind.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MOST_CONNECTIONS,
        timeout=at_most.total_seconds(),
        socket_timeout=at_most.total_seconds(),
        socket_connect_timeout=at_most.total_seconds(),
        retry=Retry(NoBackoff(), 0),
        decode_responses=False,
    )
    client = Redis(connection_pool=pool)
    try:
        yield client
    finally:
        await client.aclose()
        await pool.disconnect()
