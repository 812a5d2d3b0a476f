"""Cassandra for one service: prepared statements awaited on the event loop, each outcome said or said to be unknown.

The driver works in a thread of its own. Its answers are handed over many at a time, because waking the loop for each
would cost more than the call. It repeats nothing: whether a call may be repeated is known to who made it.

Reads and writes are LOCAL_QUORUM, conditions LOCAL_SERIAL.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources.abc import Traversable
from typing import Any, TypeAlias

from cassandra import ConsistencyLevel, OperationTimedOut
from cassandra.cluster import Session
from cassandra.query import BatchStatement, BoundStatement
from prometheus_client import Counter, Histogram

from mesh.background import background
from mesh.caller import CURRENT_CALL
from mesh.errors import Unavailable
from mesh.interceptors.deadline import HOP_MARGIN_SECONDS, deadline_exceeded
from mesh.metrics import Metrics
from mesh.storage.cassandra_asking import Asking, Rows
from mesh.storage.cassandra_batch import Write, in_one_partition, together
from mesh.storage.cassandra_prepared import Prepared
from mesh.storage.cassandra_session import DEFECTS, TROUBLE, CannotConnect, connect
from mesh.storage.url import CassandraUrl

_log = logging.getLogger(__name__)

# No answer within this time, or within what the call in progress has left: the outcome is not known.
LONGEST = timedelta(seconds=1.5)
# Of the call's time this much is kept, at most, to tell its caller that the outcome is unknown.
TO_TELL = timedelta(seconds=0.1)
# The driver gives every connection far more places; more in flight only wait in the servers.
IN_FLIGHT = 256
RECONNECT_AFTER = timedelta(seconds=1)
# How many partitions one statement reads. The client pays for the statement, the node that it asks for the rest.
PARTITIONS_AT_ONCE = 50
# A statement without pages gives no more.
MOST_ROWS = 5_000

Row: TypeAlias = tuple[Any, ...]
Values: TypeAlias = Sequence[object]


@dataclass(frozen=True, slots=True)
class Statement:
    """CQL with a question mark for each value; `name` is its label in metrics ("tweets.insert").

    `is_serial` makes a read see every condition that was applied before it, and finish those that were cut off.
    """

    name: str
    text: str
    is_serial: bool = False


# A statement of a batch, with its values.
Call: TypeAlias = tuple[Statement, Values]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and where the next page begins; empty after the last."""

    rows: list[Row]
    next_state: bytes


class Cassandra:
    """The keyspace of one service. Made by `open_cassandra`. All methods raise Unavailable.

    Then a write may have happened, or may still: it must be one that can be repeated.
    """

    def __init__(self, metrics: Metrics, session: Session | None = None) -> None:
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._session = session
        self._asking = None if session is None else Asking(session)
        self._why_not = "it was not asked yet"
        # By text: its hash is kept, and that of a Statement is worked out at every call.
        self._prepared: dict[str, Prepared] = {}
        self._preparing: dict[str, asyncio.Future[Prepared]] = {}
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._figures: dict[str, tuple[Counter, Histogram]] = {}

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        """The rows of one statement that is bounded by itself: by its key, or by a LIMIT of MOST_ROWS at most."""
        rows, next_state = await self._ask(statement.name, await self._bound(statement, values))
        if next_state:
            raise TooManyRows(f"{statement.name} has no bound")
        return rows

    async def run_in(
        self, statement: Statement, keys: Iterable[object], *values: object, rows_of_each: int = 1
    ) -> list[Row]:
        """The rows of many partitions, in no order; `statement` has IN for the keys, as its first value.

        `rows_of_each` is how many rows one of them has at most. It costs a tenth of a statement for each key.
        """
        asked = list(dict.fromkeys(keys))
        at_once = min(PARTITIONS_AT_ONCE, max(1, MOST_ROWS // rows_of_each))
        some = [asked[start : start + at_once] for start in range(0, len(asked), at_once)]
        found = await asyncio.gather(*(self.run(statement, each, *values) for each in some))
        return [row for rows in found for row in rows]

    async def page(self, statement: Statement, *values: object, size: int, state: bytes = b"") -> Page:
        """Some `size` rows, from where another page ended."""
        bound = await self._bound(statement, values)
        bound.fetch_size = size
        rows, next_state = await self._ask(statement.name, bound, state=state)
        return Page(rows, next_state)

    async def applied(self, statement: Statement, *values: object) -> bool:
        """Whether the condition of one conditional statement held, so that it was done."""
        return bool((await self.run(statement, *values))[0][0])

    async def batch(self, name: str, *calls: Call) -> list[Row]:
        """Some statements in one partition, all of them or none, also with conditions. Raises UnsafeWrite for several.

        The rows are those of the conditions: the first value of the first says whether they held.
        """
        bound = [await self._bound(statement, values) for statement, values in calls]
        rows, _ = await self._ask(name, in_one_partition(name, bound))
        return rows

    async def encoded(self, *calls: Call) -> list[Write]:
        """The calls as they can be written down."""
        bound = [await self._bound(statement, values) for statement, values in calls]
        return [Write(each.prepared_statement.query_string, each.values) for each in bound]

    async def write(self, name: str, *writes: Write) -> None:
        """Have all of them done, in any partitions. Some may be done and others not: they must be written down before,
        by somebody who does them again until all of them are.
        """
        bound = [(await self._prepared_of(write.text)).again(write.values) for write in writes]
        await self._ask(name, bound[0] if len(bound) == 1 else together(bound))

    async def ping(self) -> None:
        """Return when a node answers a query."""
        await self.run(_PING)

    async def _bound(self, statement: Statement, values: Values) -> BoundStatement:
        bound = (await self._prepared_of(statement.text)).bind(values)
        if statement.is_serial:
            bound.consistency_level = ConsistencyLevel.LOCAL_SERIAL
        return bound

    async def _prepared_of(self, text: str) -> Prepared:
        return self._prepared.get(text) or await self._prepare(text)

    async def _prepare(self, text: str) -> Prepared:
        """Ask the servers, once for each statement of a process, in a thread that the driver blocks meanwhile."""
        asking, preparing = self._connected(), self._preparing.get(text)
        if preparing is None:
            preparing = self._preparing[text] = self._loop.run_in_executor(None, asking.prepared, text)
            preparing.add_done_callback(lambda done: self._forget(text, done))
        try:
            # One question, for which everybody waits as long as they can: the driver would for 10 s.
            async with asyncio.timeout(_seconds_left()):
                self._prepared[text] = await asyncio.shield(preparing)
        except DEFECTS:
            raise
        except (*TROUBLE, TimeoutError) as error:
            raise Unavailable.backend("the store") from error
        return self._prepared[text]

    def _forget(self, text: str, preparing: asyncio.Future[Prepared]) -> None:
        del self._preparing[text]
        if not preparing.cancelled():
            preparing.exception()  # whoever waited may have given up: it is no news to anybody

    async def _ask(self, name: str, statement: BoundStatement | BatchStatement, *, state: bytes = b"") -> Rows:
        asking, began = self._connected(), self._loop.time()
        succeeded, seconds = self._figures_of(name)
        try:
            await self._take_slot()
            try:
                answer = await asking.ask(statement, state=state, until=self._loop.time() + _seconds_left())
            finally:
                self._slots.release()
        except DEFECTS:
            raise
        except TROUBLE as error:
            self._metrics.store_calls.labels(name, type(error).__name__).inc()
            raise Unavailable.backend("the store") from error
        succeeded.inc()
        seconds.observe(self._loop.time() - began)
        return answer

    async def _take_slot(self) -> None:
        """Within the time of the call in progress. Who is in none waits for as long as those in flight take."""
        if not self._slots.locked() or CURRENT_CALL.get() is None:
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(_seconds_left()):
                await self._slots.acquire()
        except TimeoutError:
            raise OperationTimedOut from None

    def _figures_of(self, name: str) -> tuple[Counter, Histogram]:
        if name not in self._figures:
            labelled = self._metrics.store_calls.labels(name, "OK"), self._metrics.store_seconds.labels(name)
            self._figures[name] = labelled
        return self._figures[name]

    def _connected(self) -> Asking:
        if self._asking is None:
            raise Unavailable(
                "BACKEND_UNAVAILABLE", f"the store cannot be used: {self._why_not}", retry_after=RECONNECT_AFTER
            )
        return self._asking

    async def keep_connecting(self, url: CassandraUrl, *, component: str, schema: Traversable) -> None:
        """Until it is connected, and its tables are up to date. Raises NewerSchema."""
        while self._session is None:
            try:
                self._session = await asyncio.to_thread(connect, url, component=component, schema=schema)
                self._asking = Asking(self._session)
            except CannotConnect as error:
                if str(error) != self._why_not:
                    _log.warning("the store cannot be used", extra={"fields": {"reason": str(error)}})
                self._why_not = str(error)
                await asyncio.sleep(RECONNECT_AFTER.total_seconds())

    async def close(self) -> None:
        """End the connections; calls in progress fail."""
        if self._session is not None:
            await asyncio.to_thread(self._session.cluster.shutdown)


class TooManyRows(Exception):
    """A defect: a statement that is not bounded was asked for all its rows at once."""


@asynccontextmanager
async def open_cassandra(
    url: CassandraUrl, *, component: str, schema: Traversable, metrics: Metrics | None = None
) -> AsyncIterator[Cassandra]:
    """The keyspace of `component`, with the tables of `schema`: a folder of numbered .cql files.

    No node needs to be there: until one is, every call raises Unavailable with the reason. Raises NewerSchema for a
    keyspace of a later version of the service.
    """
    cassandra = Cassandra(metrics or Metrics())
    connecting = cassandra.keep_connecting(url, component=component, schema=schema)
    try:
        async with background(connecting, name=f"connecting to the keyspace of {component}"):
            yield cassandra
    finally:
        await cassandra.close()


_PING = Statement("ping", "SELECT key FROM system.local")


def _seconds_left() -> float:
    """How long a statement may take: less than the call in progress has left, so that its caller hears of it."""
    call = CURRENT_CALL.get()
    if call is None:
        return LONGEST.total_seconds()
    left = call.deadline - asyncio.get_running_loop().time() - HOP_MARGIN_SECONDS
    if left <= 0:
        raise deadline_exceeded()
    return min(left - min(left / 4, TO_TELL.total_seconds()), LONGEST.total_seconds())
