"""Leases of worker numbers in Cassandra: each change is one conditional write on the row of its number."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from zlib import crc32

from mesh.errors import Unavailable
from mesh.storage.cassandra import Cassandra, Row, Statement
from mesh.storage.id_leases import LEASE_MS, NUMBERS, IdLeases, Lease

READ_AT_ONCE = 16

_GET = Statement("id_leases.get", "SELECT fence, owner, high_water_ms FROM id_leases WHERE number = ?", is_serial=True)
# Null holds for a row that is not there. The end is part of both conditions: without it a write that was given up and
# is carried out late could move the end of a range back, and let a successor begin within it.
_TAKE = Statement(
    "id_leases.take",
    "UPDATE id_leases SET fence = ?, owner = ?, high_water_ms = ? WHERE number = ? IF fence = ? AND high_water_ms = ?",
)
_RENEW = Statement(
    "id_leases.renew",
    "UPDATE id_leases SET high_water_ms = ? WHERE number = ? IF fence = ? AND high_water_ms = ?",
)


class CassandraIdLeases(IdLeases):
    """The table `id_leases` of one keyspace; `fence` is the token. An outcome that is not known is looked up."""

    def __init__(self, cassandra: Cassandra) -> None:
        self._cassandra = cassandra

    async def acquire(self, *, owner: str, now_ms: int) -> Lease | None:
        for first in range(0, NUMBERS, READ_AT_ONCE):
            numbers = range(first, first + READ_AT_ONCE)
            rows = await asyncio.gather(*(self._row(number) for number in numbers))
            free = {number: row for number, row in zip(numbers, rows, strict=True) if row is None or row[2] < now_ms}
            for number in _in_turn(list(free), owner):
                lease = await self._take(number, free[number], owner=owner, now_ms=now_ms)
                if lease is not None:
                    return lease
        return None

    async def _take(self, number: int, row: Row | None, *, owner: str, now_ms: int) -> Lease | None:
        fence, _, after_ms = row or (None, "", None)
        token = (fence or 0) + 1
        values = (token, owner, now_ms + LEASE_MS, number, fence, after_ms)
        lease = Lease(number, token, -1 if after_ms is None else after_ms, now_ms + LEASE_MS)
        try:
            return lease if await self._cassandra.applied(_TAKE, *values) else None
        except Unavailable:
            now = await self._row(number)
            is_ours = now is not None and (now[0], now[1]) == (token, owner)
            return replace(lease, until_ms=now[2]) if now is not None and is_ours else None

    async def renew(self, lease: Lease, *, now_ms: int) -> Lease | None:
        until_ms = max(lease.until_ms, now_ms + LEASE_MS)
        values = (until_ms, lease.number, lease.token, lease.until_ms)
        try:
            if await self._cassandra.applied(_RENEW, *values):
                return replace(lease, until_ms=until_ms)
        except Unavailable:
            pass
        # Not done or not known: perhaps an earlier one was, whose answer was lost.
        row = await self._row(lease.number)
        return replace(lease, until_ms=row[2]) if row is not None and row[0] == lease.token else None

    async def _row(self, number: int) -> Row | None:
        rows = await self._cassandra.run(_GET, number)
        return rows[0] if rows else None


def _in_turn(numbers: list[int], owner: str) -> list[int]:
    """The lowest first, so that few are ever used; then, as others had the same idea, from one's own place on."""
    first, rest = numbers[:1], numbers[1:]
    start = crc32(owner.encode()) % len(rest) if rest else 0
    return first + rest[start:] + rest[:start]
