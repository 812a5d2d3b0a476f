"""Follows, counts and classes as messages."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from aviary.events.v1 import events_pb2
from aviary.graph.v1 import graph_service_pb2
from graph_svc.model import AuthorClass

_CLASSES = {
    AuthorClass.PUSH: events_pb2.AUTHOR_CLASS_PUSH,
    AuthorClass.BOTH: events_pb2.AUTHOR_CLASS_BOTH,
    AuthorClass.PULL: events_pb2.AUTHOR_CLASS_PULL,
}


def to_class_message(author_class: AuthorClass) -> events_pb2.AuthorClass.ValueType:
    """The contract's name of a class."""
    return _CLASSES[author_class]


def to_timestamp(at_us: int) -> Timestamp:
    """Microseconds since 1970 as a Timestamp."""
    timestamp = Timestamp()
    timestamp.FromMicroseconds(at_us)
    return timestamp


def to_edge_messages(others: Iterable[tuple[int, int]]) -> list[graph_service_pb2.FollowEdge]:
    """List entries of (other account, creation time in microseconds)."""
    return [
        graph_service_pb2.FollowEdge(user_id=user_id, create_time=to_timestamp(created_us))
        for user_id, created_us in others
    ]
