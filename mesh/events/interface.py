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
    """An event as a store sees it: bytes of `aviary.events.v1.Event`, and the subject they are published on.

    With what it is about it must fit into one write of the store: some ten kilobytes.
    """

    event_id: int
    subject: str
    payload: bytes


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a row is. A store may need both to find it."""

    sequence: int
    event_id: int


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A stored event. `sequence` is the order of the commits, as far as clocks can tell it; `dead_group` is empty while
    the event waits.
    """

    sequence: int
    event: OutboxEvent
    created_us: int
    dead_group: str = ""
    dead_reason: str = ""
    dead_us: int = 0

    @property
    def place(self) -> Place:
        """Where it is now."""
        return Place(self.sequence, self.event.event_id)


class OutboxReader(Protocol):
    """What a relay reads an outbox through."""

    async def next(self, *, limit: int) -> list[OutboxRow]:
        """Waiting rows that this reader has not returned yet, `limit` at most, in the order of their sequences.

        The state that they are about is there.

        In the end it returns every row that is committed and waits, also one that comes to be seen late, behind others
        that were returned. It may return a row again.
        """
        ...


class Outbox(Protocol):
    """The events of one service that are not confirmed yet. A row is the to-do item, and the dead letter.

    An event that is appended again, because the answer to its commit was lost, may get another row, with a sequence of
    its own. Each of them waits until it is deleted.
    """

    def reader(self) -> OutboxReader:
        """Everything that waits, from the oldest on."""
        ...

    async def pending(self, *, after: int, limit: int) -> list[OutboxRow]:
        """Waiting rows with a sequence above `after`, in that order: for people. One that came to be seen ten minutes
        after its commit may be missing until a reader has met it. What a row is about may not be there yet.
        """
        ...

    async def at(self, place: Place) -> OutboxRow | None:
        """The row that waits at a place."""
        ...

    async def get(self, event_id: int) -> OutboxRow | None:
        """The row of an event by its id alone, waiting or dead; None when it is confirmed.

        Only for an event that was written to be found so, or was a dead letter in the last year.
        """
        ...

    async def delete(self, places: Collection[Place]) -> None:
        """Confirmed: remove the waiting rows; dead letters are left alone. A power cut may bring rows back."""
        ...

    async def bury(self, place: Place, *, group: str, reason: str, at_us: int) -> None:
        """Keep the row as a dead letter. Burying an unknown or dead one changes nothing.

        Cut off in the middle, the event is dead and waits as well, and may be buried again. Others may see it twice.
        """
        ...

    async def dead(self, *, after: int, limit: int, group: str = "") -> list[OutboxRow]:
        """Dead letters with a sequence above `after`, oldest first; of one group if it is named."""
        ...

    async def revive(self, event_ids: Collection[int]) -> list[int]:
        """Make dead letters waiting rows again, at the end of the order. Returns those that were dead letters.

        Of a call that was cut off a letter may be there and its row wait as well, until a reader has met that.
        """
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
