"""Empties a Redis that holds the timelines of another server.

A promoted replica, or a file of yesterday, lacks the last pushes, and its timelines say that they are complete.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from datetime import timedelta

from redis.exceptions import RedisError

from mesh.errors import Unavailable
from mesh.storage.redis_pipeline import PipelinedRedis

_log = logging.getLogger(__name__)

# The server that all there is was written on, by the name that it gives itself at each start.
KEY = "timelines:server"
LOOK_EVERY = timedelta(seconds=1)
_RUN_ID = re.compile(rb"run_id:(\w+)")


@dataclass(frozen=True, slots=True)
class Origin:
    """Looks whether Redis is still the one that was written to. Two at once are allowed."""

    redis: PipelinedRedis

    async def guard(self) -> None:
        """Look every second until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY.total_seconds())
            try:
                await self.look()
            except Unavailable as away:
                _log.debug("Redis cannot be asked who it is: %s", away)

    async def look(self) -> bool:
        """Empty Redis if what is in it came from another server; returns whether it did. Raises Unavailable.

        Readers make their timelines anew. What is cached goes too: a tombstone of the last moments may be missing.
        """
        try:
            found = _RUN_ID.search(await self.redis.execute_command("INFO", "server"))
            server = found[1] if found else b""
            origin = await self.redis.execute_command("GET", KEY)
            is_foreign = origin is not None and origin != server
            if is_foreign:
                _log.warning("Redis has the timelines of another server, perhaps without the last ones: it is emptied")
                await self.redis.execute_command("FLUSHDB", "ASYNC")
            if origin is None or is_foreign:
                await self.redis.execute_command("SET", KEY, server, "NX")
        except RedisError as error:
            raise Unavailable.backend("Redis") from error
        return is_foreign
