"""Engines that end in the middle of something, and engines that lose an answer and go on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import apsw

from mesh.errors import Unavailable
from mesh.metrics import Metrics
from mesh.storage.cassandra import Call, Cassandra, Row, Statement
from mesh.storage.cassandra_batch import Write
from mesh.storage.sqlite import SqliteDatabase
from tests.conformance.user_store.cases import Opened, on_cassandra, on_sqlite
from user_svc.store.cassandra import CassandraUserStore

T = TypeVar("T")


class Steps:
    """How many steps are still answered. The one after them is done, nobody hears of it, and nothing follows."""

    def __init__(self, answered: int) -> None:
        self.left = answered + 1

    def begin(self) -> None:
        if self.left == 0:
            raise Unavailable.backend("the store")

    def end(self) -> None:
        self.left -= 1
        self.begin()


class CutOffCassandra(Cassandra):
    """Each statement is a step, and so is the second half of a commit."""

    def __init__(self, cassandra: Cassandra, *, answered: int) -> None:
        super().__init__(Metrics())
        self._cassandra = cassandra
        self._steps = Steps(answered)

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        self._steps.begin()
        rows = await self._cassandra.run(statement, *values)
        self._steps.end()
        return rows

    async def encoded(self, *calls: Call) -> list[Write]:
        return await self._cassandra.encoded(*calls)

    async def write(self, name: str, *writes: Write) -> None:
        self._steps.begin()
        await self._cassandra.write(name, *writes)
        self._steps.end()


class LosesAnswers(Cassandra):
    """The first statement of each of these names is done, and not answered."""

    def __init__(self, cassandra: Cassandra, *names: str) -> None:
        super().__init__(Metrics())
        self._cassandra = cassandra
        self._names = set(names)

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        rows = await self._cassandra.run(statement, *values)
        self._lose(statement.name)
        return rows

    async def encoded(self, *calls: Call) -> list[Write]:
        return await self._cassandra.encoded(*calls)

    async def write(self, name: str, *writes: Write) -> None:
        await self._cassandra.write(name, *writes)

    def _lose(self, name: str) -> None:
        if name in self._names:
            self._names.discard(name)
            raise Unavailable.backend("the store")


class LosesCalls(LosesAnswers):
    """The first statement of each of these names is neither done nor answered."""

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        self._lose(statement.name)
        return await self._cassandra.run(statement, *values)


class StandsStillBefore(Cassandra):
    """Before the first statement of this name something else happens: whoever asked for it was away for long."""

    def __init__(self, cassandra: Cassandra, name: str, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__(Metrics())
        self._cassandra = cassandra
        self._name = name
        self._meanwhile = meanwhile

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        if statement.name == self._name:
            self._name = ""
            await self._meanwhile()
        return await self._cassandra.run(statement, *values)

    async def encoded(self, *calls: Call) -> list[Write]:
        return await self._cassandra.encoded(*calls)

    async def write(self, name: str, *writes: Write) -> None:
        await self._cassandra.write(name, *writes)


class CutOffSqlite(SqliteDatabase):
    """Each transaction is a step."""

    def __init__(self, database: SqliteDatabase, *, answered: int) -> None:
        self._database = database
        self._steps = Steps(answered)

    def read(self, work: Callable[[apsw.Connection], T]) -> T:
        self._steps.begin()
        return self._database.read(work)

    async def write(self, work: Callable[[apsw.Connection], T]) -> T:
        self._steps.begin()
        result = await self._database.write(work)
        self._steps.end()
        return result


def cut_off(opened: Opened, *, answered: int) -> Opened:
    """The same stores over an engine that ends after so many answers."""
    if isinstance(opened.engine, Cassandra):
        assert isinstance(opened.users, CassandraUserStore)
        return on_cassandra(CutOffCassandra(opened.engine, answered=answered), type(opened.users))
    return on_sqlite(CutOffSqlite(opened.engine, answered=answered))
