"""A prepared statement with its values, and its message to a node: as the driver makes them, with a third of its work.

The driver looks up at every call what is the same for all calls of a statement, and writes a message piece by piece.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from cassandra.query import BoundStatement, PreparedStatement

from mesh.storage.cassandra_session import PROTOCOL

_EXECUTE = 0x0A
# Version, flags, the place of the answer at its connection, what it is, how many bytes follow.
_HEADER = struct.Struct(">BBhBi")
_LENGTH = struct.Struct(">i")
_NULL = _LENGTH.pack(-1)
_ID_LENGTH = struct.Struct(">H")
# Consistency, which parts follow, how many values.
_PARAMETERS = struct.Struct(">HBH")
_HAS_VALUES, _HAS_PAGE_SIZE, _HAS_STATE, _HAS_SERIAL_CONSISTENCY = 0x01, 0x04, 0x08, 0x10
_SERIAL_CONSISTENCY = struct.Struct(">H")


class Prepared:
    """A statement that the servers know."""

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
            bound.bind(values)  # it says which column it is
            raise
        return bound

    def again(self, values: Sequence[bytes | None]) -> BoundStatement:
        """The statement with values that were bound before."""
        bound = BoundStatement(self._statement)
        bound.values = values
        return bound


def message(
    statement: BoundStatement, *, consistency: int, serial_consistency: int, page_size: int, state: bytes = b""
) -> bytes:
    """What asks a node for a statement, from where another page ended; without its header."""
    query_id, values = statement.prepared_statement.query_id, statement.values
    parts = _HAS_VALUES | _HAS_PAGE_SIZE | _HAS_SERIAL_CONSISTENCY | (_HAS_STATE if state else 0)
    written = [_ID_LENGTH.pack(len(query_id)), query_id, _PARAMETERS.pack(consistency, parts, len(values))]
    for value in values:
        written += (_NULL,) if value is None else (_LENGTH.pack(len(value)), value)
    written.append(_LENGTH.pack(page_size))
    if state:
        written += (_LENGTH.pack(len(state)), state)
    written.append(_SERIAL_CONSISTENCY.pack(serial_consistency))
    return b"".join(written)


def with_header(message: bytes, place: int, version: int, **_settings: object) -> bytes:
    """It as it is sent; called by the driver, of whose settings none says more than the version."""
    return _HEADER.pack(version, 0, place, _EXECUTE, len(message)) + message
