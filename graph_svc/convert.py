"""Follows, counts and classes as messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from aviary.events.v1 import events_pb2
from aviary.graph.v1 import graph_service_pb2
from aviary.type.v1 import tweet_pb2
from graph_svc.model import AuthorClass
from views.clients.users import UserCards

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


async def to_includes(
    user_ids: Sequence[int], *, users: UserCards, expansions: Iterable[tweet_pb2.Expansion.ValueType]
) -> tweet_pb2.Includes:
    """The accounts, as many as can be had now, when AUTHOR is among the expansions."""
    if tweet_pb2.EXPANSION_AUTHOR not in expansions:
        return tweet_pb2.Includes()
    return tweet_pb2.Includes(users=(await users.get_reachable(user_ids)).values())
