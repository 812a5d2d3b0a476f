"""What this service announces. Who must confirm an event stands in the contract, at the event's payload."""

from __future__ import annotations

from aviary.events.v1 import events_pb2
from mesh.events.announce import new_event
from mesh.events.interface import OutboxEvent


def user_changed(user_id: int, *, event_id: int, at_us: int) -> OutboxEvent:
    """An account was made or changed. The event of a new account has the account's own id."""
    payload = events_pb2.UserChanged(user_id=user_id)
    return new_event("user_changed", payload, event_id=event_id, at_us=at_us, key=user_id)
