"""Statements are bound, and their messages written, as the driver does it."""

from __future__ import annotations

import struct

import pytest
from cassandra import ConsistencyLevel
from cassandra.cqltypes import BooleanType, BytesType, LongType, SetType, UTF8Type
from cassandra.protocol import ColumnMetadata, ExecuteMessage, ProtocolHandler
from cassandra.query import PreparedStatement

from mesh.storage.cassandra_prepared import Prepared, message, with_header
from mesh.storage.cassandra_session import PROTOCOL

TYPES = [LongType, UTF8Type, BytesType, BooleanType, SetType.apply_parameters([LongType])]
VALUES = [
    [-(2**63), "a text, ünïcode", b"\x00\xff", True, {1, 2}],
    [0, "", b"", False, set()],
    [None] * 5,
    [1, "x" * 70_000, None, None, None],
]


def statement_with(types: list[type]) -> PreparedStatement:
    """One whose first column is the key."""
    columns = [ColumnMetadata("trial", "numbers", f"column_{number}", each) for number, each in enumerate(types)]
    return PreparedStatement(columns, b"0123456789abcdef", [0], "INSERT", "trial", PROTOCOL, [], None)


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("state", [b"", b"where the page ended"])
@pytest.mark.parametrize("place", [0, 2**15 - 1])
def test_a_message_is_that_of_the_driver(values: list[object], state: bytes, place: int) -> None:
    statement = statement_with(TYPES)
    level, serial = ConsistencyLevel.LOCAL_QUORUM, ConsistencyLevel.LOCAL_SERIAL
    settings = {"compressor": None, "allow_beta_protocol_version": False}
    theirs = ExecuteMessage(statement.query_id, statement.bind(values).values, level, serial, 20, state or None)
    bound = Prepared(statement).bind(values)
    ours = message(bound, consistency=level, serial_consistency=serial, page_size=20, state=state)
    assert with_header(ours, place, PROTOCOL, **settings) == ProtocolHandler.encode_message(
        theirs, place, PROTOCOL, **settings
    )
    assert bound.routing_key == statement.bind(values).routing_key


def test_a_statement_may_have_no_values() -> None:
    statement = statement_with([])
    theirs = ExecuteMessage(statement.query_id, [], ConsistencyLevel.LOCAL_SERIAL, ConsistencyLevel.LOCAL_SERIAL, 5_000)
    level = ConsistencyLevel.LOCAL_SERIAL
    ours = message(Prepared(statement).bind(()), consistency=level, serial_consistency=level, page_size=5_000)
    assert with_header(ours, 7, PROTOCOL) == ProtocolHandler.encode_message(theirs, 7, PROTOCOL, None, False)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["text", "", b"", True, set()], "column_0"),
        ([2**63, "", b"", True, set()], "column_0"),
        ([1, "", b"", True, 5], "column_4"),
        ([1, "", b"", True, set(), 6], "Too many"),
        ([1], "shorter"),
    ],
)
def test_values_that_the_columns_cannot_have_are_refused(values: list[object], said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        Prepared(statement_with(TYPES)).bind(values)


def test_values_are_bound_again_as_they_were() -> None:
    prepared = Prepared(statement_with([LongType]))
    assert prepared.again(prepared.bind([5]).values).values == [struct.pack(">q", 5)]
