"""Databases that fail in the middle of a call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import apsw
from cassandra.cluster import Session

from mesh.errors import Unavailable
from mesh.metrics import Metrics
from mesh.storage.cassandra import Call, Cassandra, Row, Statement
from mesh.storage.sqlite import SqliteDatabase

Result = TypeVar("Result")


class DyingSqlite(SqliteDatabase):
    """Dies at the n-th write: it is done, its answer is lost, and no other is begun. Reads are not counted."""

    def __init__(self, database: SqliteDatabase, *, after: int) -> None:
        self._dying = database
        self._left = after

    async def write(self, work: Callable[[apsw.Connection], Result]) -> Result:
        self._left -= 1
        if self._left >= 0:
            result = await self._dying.write(work)
            if self._left > 0:
                return result
        raise Unavailable.backend("the store")

    def read(self, work: Callable[[apsw.Connection], Result]) -> Result:
        return self._dying.read(work)


class DyingCassandra(Cassandra):
    """Dies at the n-th statement or batch: it is done, its answer is lost, and no other is begun."""

    def __init__(self, metrics: Metrics, session: Session | None, *, after: int) -> None:
        super().__init__(metrics, session)
        self._left = after

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        may_answer = self._counted()
        rows = await super().run(statement, *values)
        return rows if may_answer else self._died()

    async def batch(self, name: str, *calls: Call) -> list[Row]:
        may_answer = self._counted()
        rows = await super().batch(name, *calls)
        return rows if may_answer else self._died()

    def _counted(self) -> bool:
        self._left -= 1
        if self._left < 0:
            self._died()
        return self._left > 0

    def _died(self) -> list[Row]:
        raise Unavailable.backend("the store")


class StallingCassandra(Cassandra):
    """Stops before statements and batches of a name, until it is told to go on."""

    def __init__(self, metrics: Metrics, session: Session | None, *, before: str) -> None:
        super().__init__(metrics, session)
        self._before = before
        self.has_stopped = asyncio.Event()
        self.go_on = asyncio.Event()

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        await self._reached(statement.name)
        return await super().run(statement, *values)

    async def batch(self, name: str, *calls: Call) -> list[Row]:
        await self._reached(name)
        return await super().batch(name, *calls)

    async def _reached(self, name: str) -> None:
        if name == self._before:
            self.has_stopped.set()
            await self.go_on.wait()
