"""Leases of worker numbers: what the store of a service promises about them, and the table `id_leases` in SQLite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import apsw

from mesh.storage.sqlite import SqliteDatabase

NUMBERS = 128
LEASE_MS = 10_000


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to stamp `number` on the milliseconds above `after_ms` up to `until_ms`."""

    number: int
    token: int
    after_ms: int
    until_ms: int


class IdLeases(Protocol):
    """The leases of one service, kept in its store. Each change is one atomic step."""

    async def acquire(self, *, owner: str, now_ms: int) -> Lease | None:
        """Take a number whose last range is over at `now_ms`, for the range up to 10 s from now; None: all are taken.

        The range begins after the last one of that number.
        """
        ...

    async def renew(self, lease: Lease, *, now_ms: int) -> Lease | None:
        """The lease with its end moved to 10 s from now, never back; None when somebody else has the number."""
        ...


class SqliteIdLeases(IdLeases):
    """The leases of the service whose file it is. The single writer of SQLite makes every step atomic."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def acquire(self, *, owner: str, now_ms: int) -> Lease | None:
        def work(connection: apsw.Connection) -> Lease | None:
            rows: list[tuple[Any, ...]] = connection.execute("SELECT number, high_water_ms FROM id_leases").fetchall()
            held: dict[int, int] = dict(rows)
            number = next((n for n in range(NUMBERS) if held.get(n, -1) < now_ms), None)
            if number is None:
                return None
            after_ms = held.get(number, -1)
            tokens: list[tuple[Any, ...]] = connection.execute(
                "INSERT INTO id_leases (number, token, owner, high_water_ms) VALUES (?1, 1, ?2, ?3)"
                " ON CONFLICT (number) DO UPDATE SET token = token + 1, owner = ?2, high_water_ms = ?3"
                " RETURNING token",
                (number, owner, now_ms + LEASE_MS),
            ).fetchall()
            return Lease(number, tokens[0][0], after_ms, now_ms + LEASE_MS)

        return await self._database.write(work)

    async def renew(self, lease: Lease, *, now_ms: int) -> Lease | None:
        def work(connection: apsw.Connection) -> Lease | None:
            row = connection.execute(
                "UPDATE id_leases SET high_water_ms = max(high_water_ms, ?1) WHERE number = ?2 AND token = ?3"
                " RETURNING high_water_ms",
                (now_ms + LEASE_MS, lease.number, lease.token),
            ).fetchone()
            return Lease(lease.number, lease.token, lease.after_ms, row[0]) if row else None

        return await self._database.write(work)
