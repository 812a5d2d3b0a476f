"""The outbox in SQLite: events that are not confirmed yet, written in the same transaction as what they announce."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import apsw

from mesh.events.interface import Outbox, OutboxEvent, OutboxReader, OutboxRow, Place
from mesh.storage.sqlite import SqliteDatabase

_COLUMNS = "sequence, event_id, subject, payload, created_us, dead_group, dead_reason, dead_us"


def append(connection: apsw.Connection, event: OutboxEvent, *, at_us: int) -> None:
    """Add a waiting row. To be called inside the write of the state that the event is about.

    An event that is there already, waiting or dead, is left as it is.
    """
    connection.execute(
        "INSERT INTO outbox (event_id, subject, payload, created_us) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (event.event_id, event.subject, event.payload, at_us),
    )


class SqliteOutbox(Outbox):
    """The table `outbox` of one service. The order of its sequences is that of the commits: SQLite has one writer."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def reader(self) -> OutboxReader:
        return SqliteOutboxReader(self)

    async def pending(self, *, after: int, limit: int) -> list[OutboxRow]:
        query = f"SELECT {_COLUMNS} FROM outbox WHERE sequence > ? AND dead_group IS NULL ORDER BY sequence LIMIT ?"  # noqa: S608 - constants
        return self._rows(query, (after, limit))

    async def at(self, place: Place) -> OutboxRow | None:
        row = await self.get(place.event_id)
        return row if row and row.place == place and not row.dead_group else None

    async def get(self, event_id: int) -> OutboxRow | None:
        rows = self._rows(f"SELECT {_COLUMNS} FROM outbox WHERE event_id = ?", (event_id,))  # noqa: S608 - constants
        return rows[0] if rows else None

    async def delete(self, places: Collection[Place]) -> None:
        names = [(place.sequence, place.event_id) for place in places]

        def work(connection: apsw.Connection) -> None:
            connection.executemany(
                "DELETE FROM outbox WHERE sequence = ? AND event_id = ? AND dead_group IS NULL", names
            )

        if names:
            await self._database.write_relaxed(work)

    async def bury(self, place: Place, *, group: str, reason: str, at_us: int) -> None:
        def work(connection: apsw.Connection) -> None:
            connection.execute(
                "UPDATE outbox SET dead_group = ?, dead_reason = ?, dead_us = ?"
                " WHERE sequence = ? AND event_id = ? AND dead_group IS NULL",
                (group, reason, at_us, place.sequence, place.event_id),
            )

        await self._database.write(work)

    async def dead(self, *, after: int, limit: int, group: str = "") -> list[OutboxRow]:
        query = (
            f"SELECT {_COLUMNS} FROM outbox WHERE sequence > ?1 AND dead_group IS NOT NULL"  # noqa: S608 - constants
            " AND (?2 = '' OR dead_group = ?2) ORDER BY sequence LIMIT ?3"
        )
        return self._rows(query, (after, group, limit))

    async def revive(self, event_ids: Collection[int]) -> list[int]:
        def work(connection: apsw.Connection) -> list[int]:
            # A new row at the end, not an update: a relay's cursor is past the old sequence.
            revived = []
            for event_id in event_ids:
                removed = connection.execute(
                    "DELETE FROM outbox WHERE event_id = ? AND dead_group IS NOT NULL"
                    " RETURNING event_id, subject, payload, created_us",
                    (event_id,),
                ).fetchall()
                connection.executemany(
                    "INSERT INTO outbox (event_id, subject, payload, created_us) VALUES (?, ?, ?, ?)", removed
                )
                revived += [event_id for _ in removed]
            return revived

        return await self._database.write(work)

    async def wait_for_append(self, *, at_most: timedelta) -> None:
        try:
            async with asyncio.timeout(at_most.total_seconds()):
                await self._database.appended.wait()
        except TimeoutError:
            return
        self._database.appended.clear()

    def _rows(self, query: str, bindings: tuple[int | str, ...]) -> list[OutboxRow]:
        found: list[tuple[Any, ...]] = self._database.read(
            lambda connection: connection.execute(query, bindings).fetchall()
        )
        return [
            OutboxRow(
                sequence, OutboxEvent(event_id, subject, payload), created_us, group or "", reason or "", dead_us or 0
            )
            for sequence, event_id, subject, payload, created_us, group, reason, dead_us in found
        ]


class SqliteOutboxReader(OutboxReader):
    """A cursor: SQLite has one writer, so no row appears behind another that was seen."""

    def __init__(self, outbox: SqliteOutbox) -> None:
        self._outbox = outbox
        self._after = 0

    async def next(self, *, limit: int) -> list[OutboxRow]:
        rows = await self._outbox.pending(after=self._after, limit=limit)
        if rows:
            self._after = rows[-1].sequence
        return rows
