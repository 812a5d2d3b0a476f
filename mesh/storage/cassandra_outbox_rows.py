"""Where the waiting rows of the outbox are in Cassandra: the key of each follows from its place."""

from __future__ import annotations

from dataclasses import dataclass

from mesh.events.interface import OutboxEvent, OutboxRow, Place
from mesh.storage.cassandra import Call, Cassandra, Row, Statement

BUCKET_US = 60_000_000
SHARDS = 4
# A sequence is the microsecond of the commit, and the worker number of the id: two processes never make the same.
WORKER_BITS = 10
_SEQUENCES_OF_ID = 12
# With it a place is behind every row of its sequence.
NO_EVENT_ABOVE = (1 << 63) - 1

_COLUMNS = "sequence, event_id, subject, payload, created_us, writes"
_AFTER = Statement(
    "outbox.after",
    f"SELECT {_COLUMNS} FROM outbox"  # noqa: S608 - constants
    " WHERE bucket = ? AND shard = ? AND (sequence, event_id) > (?, ?) LIMIT ?",
)
_GET = Statement(
    "outbox.get",
    f"SELECT {_COLUMNS} FROM outbox WHERE bucket = ? AND shard = ? AND sequence = ? AND event_id = ?",  # noqa: S608 - constants
)
_INSERT = Statement(
    "outbox.append",
    "INSERT INTO outbox (bucket, shard, sequence, event_id, subject, payload) VALUES (?, ?, ?, ?, ?, ?)"
    " USING TIMESTAMP ?",
)
_JOURNAL = Statement(
    "outbox.journal",
    "INSERT INTO outbox (bucket, shard, sequence, event_id, subject, payload, created_us, writes)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
)
_DELETE = Statement(
    "outbox.delete",
    "DELETE FROM outbox USING TIMESTAMP ? WHERE bucket = ? AND shard = ? AND sequence = ? AND event_id = ?",
)


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A waiting row, and the state that it is about as the journal encodes it; empty when the row has none."""

    row: OutboxRow
    writes: bytes = b""

    @property
    def place(self) -> Place:
        """Where it is."""
        return self.row.place


def place_at(committed_us: int, event_id: int) -> Place:
    """The place of an event that is committed at a microsecond since 1970."""
    return Place((committed_us << WORKER_BITS) + _worker(event_id), event_id)


def committed_us(sequence: int) -> int:
    """The microsecond since 1970 at which the row of a sequence was committed."""
    return sequence >> WORKER_BITS


def bucket_of(sequence: int) -> int:
    """The minute since 1970 of a sequence."""
    return committed_us(sequence) // BUCKET_US


def shard_of(event_id: int) -> int:
    """Which of the shards has the rows of an event."""
    return _worker(event_id) % SHARDS


def insert(place: Place, event: OutboxEvent) -> Call:
    """What writes a waiting row."""
    return _INSERT, (*_key(place), event.subject, event.payload, committed_us(place.sequence))


def journal(stored: StoredRow) -> Call:
    """What writes a waiting row together with the state that it is about."""
    event, written_us = stored.row.event, committed_us(stored.place.sequence)
    values = (*_key(stored.place), event.subject, event.payload, stored.row.created_us, stored.writes, written_us)
    return _JOURNAL, values


def delete(place: Place) -> Call:
    """What removes a waiting row. Its timestamp follows from that of the row: no clock makes it too early."""
    return _DELETE, (committed_us(place.sequence) + 1, *_key(place))


async def get(cassandra: Cassandra, place: Place) -> StoredRow | None:
    """The waiting row at a place. Raises Unavailable."""
    rows = await cassandra.run(_GET, *_key(place))
    return _stored(rows[0]) if rows else None


async def rows_after(cassandra: Cassandra, bucket: int, shard: int, *, after: Place, limit: int) -> list[StoredRow]:
    """Waiting rows of one partition behind a place, in order. Raises Unavailable."""
    rows = await cassandra.run(_AFTER, bucket, shard, after.sequence, after.event_id, limit)
    return [_stored(row) for row in rows]


def _stored(row: Row) -> StoredRow:
    sequence, event_id, subject, payload, created_us, writes = row
    event = OutboxEvent(event_id, subject, payload)
    return StoredRow(OutboxRow(sequence, event, created_us or committed_us(sequence)), writes or b"")


def _key(place: Place) -> tuple[int, int, int, int]:
    return bucket_of(place.sequence), shard_of(place.event_id), place.sequence, place.event_id


def _worker(event_id: int) -> int:
    return (event_id >> _SEQUENCES_OF_ID) % (1 << WORKER_BITS)
