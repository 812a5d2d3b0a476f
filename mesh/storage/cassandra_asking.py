"""A statement on its way to a node and its answer back: a short way for what is plain, the driver's own for all else.

What the driver makes for every statement (a future with its locks, lists and events) costs more than all the rest. The
short way hands a prepared statement to a connection of the driver's pool, and judges the answer. What is not as usual
there, before anything is sent, is left to the driver from the start.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeAlias

from cassandra import OperationTimedOut
from cassandra.cluster import EXEC_PROFILE_DEFAULT, ResultSet, Session
from cassandra.connection import ConnectionBusy, ConnectionException
from cassandra.pool import NoConnectionsAvailable
from cassandra.protocol import ExecuteMessage, PreparedQueryNotFound, ResultMessage
from cassandra.query import FETCH_SIZE_UNSET, BatchStatement, BoundStatement, PreparedStatement

from mesh.storage.cassandra_answers import Answers
from mesh.storage.cassandra_session import PROTOCOL

# The rows, and the state that a next page goes on from; empty after the last.
Rows: TypeAlias = tuple[list[tuple[Any, ...]], bytes]
Asked: TypeAlias = "asyncio.Future[Any]"


class Prepared:
    """A statement that the servers know, with what is the same for all its values."""

    def __init__(self, statement: PreparedStatement) -> None:
        self._statement = statement
        self._types = [column.type for column in statement.column_metadata]

    def bind(self, values: Sequence[object]) -> BoundStatement:
        """The statement with its values. Raises TypeError and ValueError for those that its columns cannot have."""
        bound = BoundStatement(self._statement)
        try:
            bound.values = [
                None if value is None else its_type.serialize(value, PROTOCOL)
                for its_type, value in zip(self._types, values, strict=True)
            ]
        except (TypeError, ValueError, struct.error):
            return bound.bind(values)  # it says what is wrong, and with which column
        return bound

    def again(self, values: Sequence[bytes | None]) -> BoundStatement:
        """The statement with values that were bound before."""
        bound = BoundStatement(self._statement)
        bound.values = values
        return bound


class Asking:
    """Sends the statements of one session. Nothing is repeated: whether it may be is known to who asks."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._answers = Answers(self._loop)
        self._profile = session.get_execution_profile(EXEC_PROFILE_DEFAULT)
        self._codec = session.client_protocol_handler

    def prepared(self, text: str) -> Prepared:
        """Have the servers learn a statement. Blocks; to be called in a thread."""
        return Prepared(self._session.prepare(text))

    def end(self) -> None:
        """End the connections; what is asked fails. Blocks; to be called in a thread."""
        self._session.cluster.shutdown()

    async def ask(self, statement: BoundStatement | BatchStatement, *, state: bytes, until: float) -> Rows:
        """The rows, from where another page ended. Raises what the driver raises.

        Also OperationTimedOut, when there is no answer `until` a time of the loop.
        """
        if isinstance(statement, BoundStatement):
            asked = self._loop.create_future()
            if self._is_sent(statement, state, asked):
                response = await self._answer(asked, until)
                if isinstance(response, ResultMessage):
                    return response.parsed_rows or [], response.paging_state or b""
                # It was not done there. The driver has the node learn it, and asks again.
                if not isinstance(response, PreparedQueryNotFound):
                    raise _failure(response)
        return await self._ask_the_driver(statement, state, until)

    def _is_sent(self, statement: BoundStatement, state: bytes, asked: Asked) -> bool:
        """Whether the first node of the plan was asked; when not, nothing was sent."""
        host = next(iter(self._profile.load_balancing_policy.make_query_plan(self._session.keyspace, statement)), None)
        pool = self._session._pools.get(host)  # noqa: SLF001 - the driver has no other way to one node's pool
        if pool is None:
            return False
        try:
            # Without waiting: that would hold up the loop.
            connection, place = pool.borrow_connection(timeout=0)
        except (ConnectionException, NoConnectionsAvailable):
            return False
        try:
            connection.send_msg(
                self._message(statement, state),
                place,
                partial(self._came, pool, connection, asked),
                self._codec.encode_message,
                self._codec.decode_message,
                statement.prepared_statement.result_metadata,
            )
        except (ConnectionException, ConnectionBusy):
            with connection.lock:
                connection.request_ids.append(place)
            pool.return_connection(connection)
            return False
        return True

    def _message(self, statement: BoundStatement, state: bytes) -> ExecuteMessage:
        profile, prepared, size = self._profile, statement.prepared_statement, statement.fetch_size
        return ExecuteMessage(
            prepared.query_id,
            statement.values,
            profile.consistency_level if statement.consistency_level is None else statement.consistency_level,
            profile.serial_consistency_level,
            self._session.default_fetch_size if size is FETCH_SIZE_UNSET else size,
            state or None,
        )

    def _came(self, pool: Any, connection: Any, asked: Asked, response: object) -> None:  # noqa: ANN401 - no types
        """In a thread of the driver. The answer may come to nobody: who waited has given up."""
        try:
            pool.return_connection(connection)
        finally:
            self._answers.hand_over(asked, response, None)

    async def _ask_the_driver(self, statement: BoundStatement | BatchStatement, state: bytes, until: float) -> Rows:
        asked = self._loop.create_future()
        response = self._session.execute_async(statement, timeout=None, paging_state=state or None)
        response.add_callbacks(self._answered, self._failed, (asked,), None, (asked,), None)
        rows = await self._answer(asked, until)
        if not response.has_more_pages:
            return rows or [], b""
        return rows, ResultSet(response, rows).paging_state

    def _answered(self, rows: object, asked: Asked) -> None:
        self._answers.hand_over(asked, rows, None)

    def _failed(self, error: BaseException, asked: Asked) -> None:
        self._answers.hand_over(asked, None, error)

    async def _answer(self, asked: Asked, until: float) -> Any:  # noqa: ANN401 - no types
        # The loop counts the time and not the driver: its timers, and callbacks that know their response, would
        # keep each answer until the collector comes. What is never answered keeps its place at the connection
        # until the driver's heartbeat ends that, a minute later; by then half of the places are taken.
        timer = self._loop.call_at(until, _give_up, asked)
        try:
            return await asked
        finally:
            timer.cancel()


def _give_up(asked: Asked) -> None:
    if not asked.done():
        asked.set_exception(OperationTimedOut())


def _failure(response: Any) -> BaseException:  # noqa: ANN401 - no types
    """What the driver raises for an answer that is none. It does not repeat either."""
    failure: object = response.to_exception() if hasattr(response, "to_exception") else response
    if isinstance(failure, BaseException):
        return failure
    return ConnectionException(f"no answer to a statement: {failure!r}")
