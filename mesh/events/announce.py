"""Makes an outbox event of what happened: the envelope around the payload, and the subject it travels on."""

from __future__ import annotations

from google.protobuf.message import Message

from aviary.events.v1 import events_pb2
from mesh.events.interface import OutboxEvent
from mesh.events.routes import ROUTES


def new_event(kind: str, payload: Message, *, event_id: int, at_us: int, key: int) -> OutboxEvent:
    """The event of `kind` (the payload's field in Event, such as "tweet_created") that happened at `at_us`.

    `key` is the id that the comment of the payload's field names; its shard ends the subject. Raises KeyError for a
    kind that the contract does not have, and TypeError when the payload is of another.
    """
    route = ROUTES[kind]
    event = events_pb2.Event(event_id=event_id)
    event.event_time.FromMicroseconds(at_us)
    field: Message = getattr(event, kind)
    field.CopyFrom(payload)
    return OutboxEvent(event_id, route.subject(key), event.SerializeToString())
