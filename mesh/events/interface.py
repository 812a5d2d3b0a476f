"""The promises of outbox and bus. What goes wrong in between costs a repeat, never an effect.

Events are delivered at least once, in any order, to every consumer group; a job to one worker of its group.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

# A delivery that says nothing for this long is given to another worker.
ACK_WAIT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """An event as a store sees it: bytes of `aviary.events.v1.Event`, and the subject they are published on."""

    event_id: int
    subject: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A stored event. `sequence` is the order of the commits; `dead_group` is empty while the event waits."""

    sequence: int
    event: OutboxEvent
    created_us: int
    dead_group: str = ""
    dead_reason: str = ""
    dead_us: int = 0


class Outbox(Protocol):
    """The events of one service that are not confirmed yet. A row is the to-do item, and the dead letter."""

    async def pending(self, *, after: int, limit: int) -> list[OutboxRow]:
        """Waiting rows with a sequence above `after`, in that order. No row that was committed before is skipped."""
        ...

    async def get(self, event_id: int) -> OutboxRow | None:
        """The row, waiting or dead."""
        ...

    async def delete(self, event_ids: Collection[int]) -> None:
        """Confirmed: remove the waiting rows; dead letters are left alone. A power cut may bring rows back."""
        ...

    async def bury(self, event_id: int, *, group: str, reason: str, at_us: int) -> None:
        """Keep the row as a dead letter. Burying an unknown or dead one changes nothing."""
        ...

    async def dead(self, *, after: int, limit: int, group: str = "") -> list[OutboxRow]:
        """Dead letters with a sequence above `after`, oldest first; of one group if it is named."""
        ...

    async def revive(self, event_ids: Collection[int]) -> list[int]:
        """Make dead letters waiting rows again, at the end of the order. Returns those that were dead letters."""
        ...

    async def wait_for_append(self, *, at_most: timedelta) -> None:
        """Return soon after rows may have been added by this process, or when `at_most` is over."""
        ...


@dataclass(frozen=True, slots=True)
class PubAck:
    """Where the broker put a message. `epoch` changes when the stream was made anew, and sequences start over."""

    epoch: str
    sequence: int


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """How far a group is: messages up to `ack_floor` are all acked. `first` and `last` bound the stream."""

    epoch: str
    first: int
    last: int
    ack_floor: int


class Delivery(Protocol):
    """One message handed to one worker."""

    @property
    def subject(self) -> str:
        """Subject it was published on."""
        ...

    @property
    def payload(self) -> bytes:
        """Its bytes."""
        ...

    @property
    def attempts(self) -> int:
        """Deliveries so far, this one included. A restart of the broker or of a worker raises it too."""
        ...

    @property
    def groups(self) -> frozenset[str]:
        """Groups that a repeat is for; empty means all. The others ack it without the effect."""
        ...

    async def ack(self) -> None:
        """Done with it. Best effort: a lost ack costs a repeat."""
        ...

    async def nak(self, *, delay: timedelta) -> None:
        """Deliver it again, not before `delay`."""
        ...

    async def in_progress(self) -> None:
        """Still at it: do not give it to another worker yet."""
        ...


class Subscription(Protocol):
    """A consumer group's place in a stream."""

    async def fetch(self, *, limit: int, wait: timedelta) -> list[Delivery]:
        """Up to `limit` messages; an empty list when none came within `wait`. Heals a lost stream by itself."""
        ...


class BusUnavailable(Exception):
    """The broker did not take it, or did not say so. It may come all the same."""


class EventBus(Protocol):
    """A disposable broker: it may forget everything at any time, and the outbox makes good for it."""

    async def publish(self, subject: str, payload: bytes, *, groups: Collection[str] = ()) -> PubAck:
        """Hand a message to the stream of its subject: `ev.…` to EVENTS, `job.…` to FANOUT. Raises BusUnavailable."""
        ...

    async def subscribe(self, group: str, subjects: Sequence[str]) -> Subscription:
        """Join a group that receives these subjects (`*` stands for one token). Works before the broker is there."""
        ...

    async def position(self, group: str) -> StreamPosition | None:
        """How far a group is in EVENTS; None when that is not known now."""
        ...

    async def confirm(self, owner: str, payload: bytes) -> None:
        """Tell the relays of a service; lost when none listens. Never raises for a broker that is away."""
        ...

    async def on_confirmation(self, owner: str, take: Callable[[bytes], None]) -> None:
        """Call `take` with every confirmation for a service from now on, also after reconnects."""
        ...
