"""The outbox in Cassandra: rows in buckets of a minute by the time of their commit."""

from __future__ import annotations

import asyncio

from mesh.events.interface import OutboxEvent
from mesh.storage.cassandra import Call, Cassandra, Statement

BUCKET_US = 60_000_000
DAY_US = 86_400_000_000
SHARDS = 4
# A sequence is the microsecond of the commit, and the worker number of the id: two processes never make the same.
WORKER_BITS = 10

_APPEND = Statement(
    "outbox.append",
    "INSERT INTO outbox (bucket, shard, sequence, event_id, subject, payload) VALUES (?, ?, ?, ?, ?, ?)"
    " USING TIMESTAMP ?",
)
_OPEN_BUCKET = Statement("outbox.open_bucket", "INSERT INTO outbox_buckets (day, bucket) VALUES (?, ?)")


class CassandraOutbox:
    """The table `outbox` of one keyspace."""

    def __init__(self, cassandra: Cassandra) -> None:
        self._cassandra = cassandra
        self._appended = asyncio.Event()
        self._last_us = 0
        self._open_bucket = -1

    async def append(self, event: OutboxEvent, *, at_us: int) -> Call:
        """What adds a waiting row, for the batch of the state that the event is about. Call `committed` after it.

        Raises Unavailable.
        """
        self._last_us = committed_us = max(at_us, self._last_us + 1)
        bucket = committed_us // BUCKET_US
        if bucket != self._open_bucket:
            await self._cassandra.run(_OPEN_BUCKET, committed_us // DAY_US, bucket)
            self._open_bucket = bucket
        worker = (event.event_id >> 12) % (1 << WORKER_BITS)
        sequence = (committed_us << WORKER_BITS) + worker
        values = (bucket, worker % SHARDS, sequence, event.event_id, event.subject, event.payload, committed_us)
        return _APPEND, values

    def committed(self) -> None:
        """Wake who waits for rows."""
        self._appended.set()
