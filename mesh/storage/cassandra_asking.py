"""A statement on its way to a node and its answer back: a short way for what is plain, the driver's own for all else.

What the driver makes for every statement (a future with its locks, lists and events) costs more than all the rest. The
short way hands a prepared statement to a connection of the driver's pool, and judges the answer. What is not as usual
there, before anything is sent, is left to the driver from the start.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, NoReturn, TypeAlias

from cassandra import OperationTimedOut
from cassandra.cluster import EXEC_PROFILE_DEFAULT, ResultSet, Session
from cassandra.connection import ConnectionBusy, ConnectionException
from cassandra.pool import NoConnectionsAvailable
from cassandra.protocol import PreparedQueryNotFound, ResultMessage
from cassandra.query import FETCH_SIZE_UNSET, BatchStatement, BoundStatement

from mesh.storage.cassandra_answers import Answers
from mesh.storage.cassandra_prepared import Prepared, message, with_header

# The rows, and the state that a next page goes on from; empty after the last.
Rows: TypeAlias = tuple[list[tuple[Any, ...]], bytes]
Asked: TypeAlias = "asyncio.Future[Any]"


class Asking:
    """Sends the statements of one session. Nothing is repeated: whether it may be is known to who asks."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._answers = Answers(self._loop)
        self._profile = session.get_execution_profile(EXEC_PROFILE_DEFAULT)
        self._decode = session.client_protocol_handler.decode_message

    def prepared(self, text: str) -> Prepared:
        """Have the servers learn a statement. Blocks; to be called in a thread."""
        return Prepared(self._session.prepare(text))

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
                    _fail(response)
        return await self._ask_the_driver(statement, state, until)

    def _is_sent(self, statement: BoundStatement, state: bytes, asked: Asked) -> bool:
        """Whether the first node of the plan was asked; when not, nothing was sent."""
        host = next(iter(self._profile.load_balancing_policy.make_query_plan(self._session.keyspace, statement)), None)
        pool = self._session._pools.get(host)  # noqa: SLF001 - the driver has no other way to one node's pool
        if pool is None:
            return False
        try:
            connection, place = pool.borrow_connection(timeout=0)
        except (ConnectionException, NoConnectionsAvailable):
            return False
        try:
            connection.send_msg(
                self._message(statement, state),
                place,
                partial(self._came, pool, connection, asked),
                with_header,
                self._decode,
                statement.prepared_statement.result_metadata,
            )
        except (ConnectionException, ConnectionBusy):
            with connection.lock:
                connection.request_ids.append(place)
            pool.return_connection(connection)
            return False
        return True

    def _message(self, statement: BoundStatement, state: bytes) -> bytes:
        profile, size = self._profile, statement.fetch_size
        return message(
            statement,
            consistency=statement.consistency_level or profile.consistency_level,
            serial_consistency=profile.serial_consistency_level,
            page_size=self._session.default_fetch_size if size is FETCH_SIZE_UNSET else size,
            state=state,
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


def _fail(response: Any) -> NoReturn:  # noqa: ANN401 - no types
    """As the driver does for an answer that is no result. It does not repeat either."""
    failure = response.to_exception() if hasattr(response, "to_exception") else response
    if isinstance(failure, BaseException):
        raise failure
    raise ConnectionException(f"no answer to a statement: {failure!r}")
