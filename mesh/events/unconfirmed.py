"""What a relay remembers of an event that is not confirmed yet, and when it is published again. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from mesh.events.interface import OutboxRow, Place, PubAck, StreamPosition
from mesh.events.routes import ROUTES

# Due again after these times without a confirmation: 30 s, 60 s, ... 10 min.
REPEAT_AFTER = timedelta(seconds=30)
LONGEST_REPEAT = timedelta(minutes=10)
LONGEST_OWN_RETRY = timedelta(seconds=30)


@dataclass(slots=True)
class Unconfirmed:
    """One event. Times are monotonic seconds: `due` is when it is published (again), `own_due` its own effect's.

    `payload` is empty once it was published: a repeat reads it again, for a slow group must not fill the memory.
    """

    place: Place
    kind: str
    subject: str
    payload: bytes
    created_us: int
    required: frozenset[str]
    missing: set[str]
    is_own_done: bool
    due: float
    own_due: float
    repeat_for: frozenset[str] = frozenset()
    acked: PubAck | None = None
    published_at: float = 0.0
    published_count: int = 0
    own_failures: int = 0
    is_publishing: bool = False
    is_making_own: bool = False
    older_places: set[Place] = field(default_factory=set)

    @property
    def event_id(self) -> int:
        """Whose row it is."""
        return self.place.event_id

    def is_done(self) -> bool:
        """Whether the own effect is made and every required group has confirmed, or the broker has taken it if none."""
        was_published = self.acked is not None or bool(self.required)
        return self.is_own_done and not self.missing and was_published


def unconfirmed(row: OutboxRow, *, kind: str, has_own_effect: bool, now: float) -> Unconfirmed:
    """A row of a known kind, as it was read; due at once."""
    required = ROUTES[kind].required_groups
    return Unconfirmed(
        place=row.place,
        kind=kind,
        subject=row.event.subject,
        payload=row.event.payload,
        created_us=row.created_us,
        required=required,
        missing=set(required),
        is_own_done=not has_own_effect,
        due=now,
        own_due=now,
    )


def groups_to_repeat(
    event: Unconfirmed, positions: Mapping[str, StreamPosition | None], *, now: float, longest: timedelta
) -> frozenset[str]:
    """The missing groups that an event must be published again for: those that it does not wait for in the stream.

    It waits there when the stream is the one that took it, still holds it, and the group has not acked past it. Any
    doubt publishes, and so does `longest` since the last time. What the stream has let go, because it was made anew,
    purged or full, is due at once.
    """
    if now < event.due and not any(_is_gone(event.acked, at) for at in positions.values()):
        return frozenset()
    if now - event.published_at >= longest.total_seconds():
        return frozenset(event.missing)
    return frozenset(group for group in event.missing if not _waits(event.acked, positions.get(group)))


def repeat_delay(published_count: int, *, first: timedelta, longest: timedelta) -> timedelta:
    """How long to wait for confirmations after the n-th time an event was published."""
    return min(first * (1 << min(published_count - 1, 20)), longest)


def own_retry_delay(failures: int) -> timedelta:
    """How long to wait after the own effect failed for the n-th time."""
    return min(timedelta(milliseconds=250) * (1 << min(failures - 1, 20)), LONGEST_OWN_RETRY)


def _is_gone(acked: PubAck | None, position: StreamPosition | None) -> bool:
    """Not so above the last: a position may be older than the event."""
    if acked is None or position is None:
        return False
    return position.epoch != acked.epoch or acked.sequence < position.first


def _waits(acked: PubAck | None, position: StreamPosition | None) -> bool:
    if acked is None or position is None or position.epoch != acked.epoch:
        return False
    return position.first <= acked.sequence <= position.last and position.ack_floor < acked.sequence
