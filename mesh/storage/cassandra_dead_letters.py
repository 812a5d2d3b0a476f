"""Dead letters in Cassandra, and where the events are that are asked for by their id alone.

Their timestamps follow from their sequence, never from a clock: a late repeat of a burial cannot undo a replay.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from mesh.clock import from_us
from mesh.events.interface import OutboxEvent, OutboxRow, Place
from mesh.storage.cassandra import Call, Cassandra, Row, Statement
from mesh.storage.cassandra_outbox_buckets import FIRST_YEAR
from mesh.storage.cassandra_outbox_rows import NO_EVENT_ABOVE, committed_us

READ_AT_ONCE = 500
# So long a row that is no dead letter is found by its id.
MOVED_FOR_SECONDS = 366 * 86_400
DAY_US = timedelta(days=1) // timedelta(microseconds=1)

_COLUMNS = "sequence, event_id, subject, payload, created_us, dead_group, dead_reason, dead_us"
_AFTER = Statement(
    "dead_letters.after",
    f"SELECT {_COLUMNS} FROM dead_letters WHERE year = ? AND (sequence, event_id) > (?, ?) LIMIT ?",  # noqa: S608 - constants
)
_GET = Statement(
    "dead_letters.get",
    f"SELECT {_COLUMNS} FROM dead_letters WHERE year = ? AND sequence = ? AND event_id = ?",  # noqa: S608 - constants
)
_INSERT = Statement(
    "dead_letters.insert",
    f"INSERT INTO dead_letters (year, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",  # noqa: S608 - constants
)
_DELETE = Statement(
    "dead_letters.delete",
    "DELETE FROM dead_letters USING TIMESTAMP ? WHERE year = ? AND sequence = ? AND event_id = ?",
)
_PLACE = Statement("outbox.place", "SELECT sequence FROM outbox_places WHERE event_id = ?")
_BURIED = Statement(
    "outbox.buried_place", "INSERT INTO outbox_places (event_id, sequence) VALUES (?, ?) USING TIMESTAMP ?"
)
_MOVED = Statement(
    "outbox.moved_place", "INSERT INTO outbox_places (event_id, sequence) VALUES (?, ?) USING TIMESTAMP ? AND TTL ?"
)


class DeadLetters:
    """The table `dead_letters` of one keyspace. All methods raise Unavailable."""

    def __init__(self, cassandra: Cassandra) -> None:
        self._cassandra = cassandra

    async def get(self, place: Place) -> OutboxRow | None:
        """The dead letter at a place."""
        rows = await self._cassandra.run(_GET, _year(place.sequence), place.sequence, place.event_id)
        return _letter(rows[0]) if rows else None

    async def after(self, sequence: int, *, limit: int, group: str, now_us: int) -> list[OutboxRow]:
        """Letters above a sequence, in that order; of one group if it is named."""
        found: list[OutboxRow] = []
        last_year = from_us(now_us + DAY_US).year
        for year in range(max(FIRST_YEAR, _year(sequence)), last_year + 1):
            async for letter in self._of_year(year, sequence, at_once=min(limit, READ_AT_ONCE)):
                if not group or letter.dead_group == group:
                    found.append(letter)
                if len(found) == limit:
                    return found
        return found

    async def _of_year(self, year: int, sequence: int, *, at_once: int) -> AsyncIterator[OutboxRow]:
        after = Place(sequence, NO_EVENT_ABOVE)
        while True:
            rows = await self._cassandra.run(_AFTER, year, after.sequence, after.event_id, at_once)
            for letter in map(_letter, rows):
                yield letter
                after = letter.place
            if len(rows) < at_once:
                return


class EventPlaces:
    """The table `outbox_places` of one keyspace."""

    def __init__(self, cassandra: Cassandra) -> None:
        self._cassandra = cassandra

    async def latest(self, event_id: int) -> Place | None:
        """Where an event is, or was when it was confirmed; None for one that is not kept here. Raises Unavailable."""
        rows = await self._cassandra.run(_PLACE, event_id)
        return Place(rows[0][0], event_id) if rows else None


def bury(row: OutboxRow, *, group: str, reason: str, at_us: int) -> tuple[Call, Call]:
    """What makes a row a dead letter, and lets its id find it."""
    key = (_year(row.sequence), row.sequence, row.event.event_id)
    buried_us = committed_us(row.sequence) + 1
    values = (*key, row.event.subject, row.event.payload, row.created_us, group, reason, at_us, buried_us)
    return (_INSERT, values), (_BURIED, (row.event.event_id, row.sequence, buried_us))


def dig_up(place: Place) -> Call:
    """What removes the dead letter at a place."""
    return _DELETE, (committed_us(place.sequence) + 2, _year(place.sequence), place.sequence, place.event_id)


def moved_to(place: Place) -> Call:
    """What lets its id find the row that is written at a place. The latest place counts."""
    return _MOVED, (place.event_id, place.sequence, committed_us(place.sequence), MOVED_FOR_SECONDS)


def _letter(row: Row) -> OutboxRow:
    sequence, event_id, subject, payload, created_us, group, reason, dead_us = row
    return OutboxRow(sequence, OutboxEvent(event_id, subject, payload), created_us, group, reason, dead_us)


def _year(sequence: int) -> int:
    return from_us(committed_us(sequence)).year
