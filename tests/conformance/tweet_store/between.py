"""What can stand between a store and a real Cassandra: answers get lost, writes are not done, or done late."""

from __future__ import annotations

import asyncio

from mesh.errors import Unavailable
from mesh.metrics import Metrics
from mesh.storage.cassandra import Call, Cassandra, Row, Statement
from mesh.storage.cassandra_batch import Write


class Between(Cassandra):
    """Hands every call on."""

    def __init__(self, cassandra: Cassandra) -> None:
        super().__init__(Metrics())
        self._cassandra = cassandra

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        return await self._cassandra.run(statement, *values)

    async def encoded(self, *calls: Call) -> list[Write]:
        return await self._cassandra.encoded(*calls)

    async def write(self, name: str, *writes: Write) -> None:
        await self._cassandra.write(name, *writes)


class LosesAnswers(Between):
    """What has one of these names is done, and not answered; once for each time that the name is given."""

    def __init__(self, cassandra: Cassandra, *names: str) -> None:
        super().__init__(cassandra)
        self.names = list(names)

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        rows = await super().run(statement, *values)
        _trouble(statement.name, self.names)
        return rows

    async def write(self, name: str, *writes: Write) -> None:
        await super().write(name, *writes)
        _trouble(name, self.names)


class LosesCalls(Between):
    """What has one of these names is not done, and not answered; once for each time that the name is given."""

    def __init__(self, cassandra: Cassandra, *names: str) -> None:
        super().__init__(cassandra)
        self.names = list(names)

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        _trouble(statement.name, self.names)
        return await super().run(statement, *values)

    async def write(self, name: str, *writes: Write) -> None:
        _trouble(name, self.names)
        await super().write(name, *writes)


class HoldsWrites(Between):
    """What is written down waits before it is done: `has_one` is set when one does, and `goes_on` lets them through."""

    def __init__(self, cassandra: Cassandra) -> None:
        super().__init__(cassandra)
        self.has_one = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def write(self, name: str, *writes: Write) -> None:
        self.has_one.set()
        await self.goes_on.wait()
        await super().write(name, *writes)


def _trouble(name: str, names: list[str]) -> None:
    if name in names:
        names.remove(name)
        raise Unavailable.backend("the store")
