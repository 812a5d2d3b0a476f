"""The bus in one process, for tests and simulation: the promises of the real one, and none of its durability."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from mesh.events.interface import ACK_WAIT, BusUnavailable, Delivery, EventBus, PubAck, StreamPosition, Subscription


@dataclass(frozen=True, slots=True)
class _Message:
    sequence: int
    subject: str
    payload: bytes
    groups: frozenset[str]


@dataclass(slots=True)
class _Stream:
    epoch: str
    messages: list[_Message] = field(default_factory=list)


@dataclass(slots=True)
class _Place:
    """Where one group is in one stream. `due` holds the loop times at which unacked messages go out again."""

    subjects: Sequence[str]
    epoch: str = ""
    read: int = 0
    due: dict[int, float] = field(default_factory=dict)
    attempts: dict[int, int] = field(default_factory=dict)

    def next_due(self, stream: _Stream, now: float) -> _Message | None:
        """A message to hand out now, counted as an attempt of it."""
        if self.epoch != stream.epoch:
            self.epoch, self.read = stream.epoch, 0
            self.due.clear()
            self.attempts.clear()
        found = next((stream.messages[number - 1] for number, at in self.due.items() if at <= now), None)
        while found is None and self.read < len(stream.messages):
            message = stream.messages[self.read]
            self.read += 1
            if any(_covers(pattern, message.subject) for pattern in self.subjects):
                found = message
        if found:
            self.attempts[found.sequence] = self.attempts.get(found.sequence, 0) + 1
        return found


class MemoryBus(EventBus):
    """Every group sees every message at least once; the workers of a group share them.

    A message that is neither acked nor spoken for within `ack_wait` goes to another worker.
    """

    def __init__(self, *, ack_wait: timedelta = ACK_WAIT) -> None:
        self._ack_wait = ack_wait
        self._epochs = 0
        self._streams: dict[str, _Stream] = {}
        self._places: dict[tuple[str, str], _Place] = {}
        self._takers: dict[str, list[Callable[[bytes], None]]] = {}
        self._is_away = False
        self._news = asyncio.Event()
        self.forget()

    def forget(self) -> None:
        """Lose every message and the place of every group, as a broker does whose disk was wiped."""
        self._epochs += 1
        self._streams = {name: _Stream(f"{name}-{self._epochs}") for name in ("EVENTS", "FANOUT")}

    def go_away(self) -> None:
        """Take nothing and hand out nothing until `come_back`."""
        self._is_away = True

    def come_back(self) -> None:
        """End of `go_away`."""
        self._is_away = False
        self._wake()

    async def publish(self, subject: str, payload: bytes, *, groups: Collection[str] = ()) -> PubAck:
        if self._is_away:
            raise BusUnavailable("the bus is away")
        stream = self._streams[_stream_of(subject)]
        message = _Message(len(stream.messages) + 1, subject, payload, frozenset(groups))
        stream.messages.append(message)
        self._wake()
        return PubAck(stream.epoch, message.sequence)

    async def subscribe(self, group: str, subjects: Sequence[str]) -> Subscription:
        name = _stream_of(subjects[0])
        place = self._places.setdefault((group, name), _Place(subjects))
        place.subjects = subjects
        return _MemorySubscription(self, name, place)

    async def position(self, group: str) -> StreamPosition | None:
        if self._is_away:
            return None
        stream = self._streams["EVENTS"]
        place = self._places.get((group, "EVENTS"), _Place(()))
        if place.epoch != stream.epoch:
            return StreamPosition(stream.epoch, 1, len(stream.messages), 0)
        return StreamPosition(stream.epoch, 1, len(stream.messages), min(place.due, default=place.read + 1) - 1)

    async def confirm(self, owner: str, payload: bytes) -> None:
        if not self._is_away:
            for take in self._takers.get(owner, ()):
                take(payload)

    async def on_confirmation(self, owner: str, take: Callable[[bytes], None]) -> None:
        self._takers.setdefault(owner, []).append(take)

    def take_next(self, name: str, place: _Place) -> Delivery | None:
        """A message for one worker of the group, or None when nothing is due."""
        now = asyncio.get_running_loop().time()
        message = None if self._is_away else place.next_due(self._streams[name], now)
        if message is None:
            return None
        place.due[message.sequence] = now + self._ack_wait.total_seconds()
        return _MemoryDelivery(self, place, message)

    def postpone(self, place: _Place, epoch: str, sequence: int, by: timedelta | None) -> None:
        """Hand the message out again `by` from now, or after the ack wait; those of a lost stream are forgotten."""
        if place.epoch == epoch and sequence in place.due:
            wait = self._ack_wait if by is None else by
            place.due[sequence] = asyncio.get_running_loop().time() + wait.total_seconds()
            self._wake()

    def settle(self, place: _Place, epoch: str, sequence: int) -> None:
        """The message is acked."""
        if place.epoch == epoch:
            place.due.pop(sequence, None)
            place.attempts.pop(sequence, None)

    async def wait_for_news(self, place: _Place, *, until: float) -> None:
        """Wait for a message, for the next one to be due, or until a loop time."""
        news = self._news
        # While the bus is away nothing that is due goes out: its return is news.
        due = until if self._is_away else min(place.due.values(), default=until)
        try:
            async with asyncio.timeout_at(min(until, due)):
                await news.wait()
        except TimeoutError:
            return

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class _MemorySubscription(Subscription):
    def __init__(self, bus: MemoryBus, stream: str, place: _Place) -> None:
        self._bus = bus
        self._stream = stream
        self._place = place

    async def fetch(self, *, limit: int, wait: timedelta) -> list[Delivery]:
        until = asyncio.get_running_loop().time() + wait.total_seconds()
        deliveries: list[Delivery] = []
        while True:
            while len(deliveries) < limit and (delivery := self._bus.take_next(self._stream, self._place)):
                deliveries.append(delivery)
            if deliveries or asyncio.get_running_loop().time() >= until:
                return deliveries
            await self._bus.wait_for_news(self._place, until=until)


class _MemoryDelivery(Delivery):
    def __init__(self, bus: MemoryBus, place: _Place, message: _Message) -> None:
        self._bus = bus
        self._place = place
        self._epoch = place.epoch
        self._message = message
        self._attempts = place.attempts[message.sequence]

    @property
    def subject(self) -> str:
        return self._message.subject

    @property
    def payload(self) -> bytes:
        return self._message.payload

    @property
    def attempts(self) -> int:
        return self._attempts

    @property
    def groups(self) -> frozenset[str]:
        return self._message.groups

    async def ack(self) -> None:
        self._bus.settle(self._place, self._epoch, self._message.sequence)

    async def nak(self, *, delay: timedelta) -> None:
        self._bus.postpone(self._place, self._epoch, self._message.sequence, delay)

    async def in_progress(self) -> None:
        self._bus.postpone(self._place, self._epoch, self._message.sequence, None)


def _stream_of(subject: str) -> str:
    return "FANOUT" if subject.startswith("job.") else "EVENTS"


def _covers(pattern: str, subject: str) -> bool:
    wanted, found = pattern.split("."), subject.split(".")
    return len(wanted) == len(found) and all(want in {"*", part} for want, part in zip(wanted, found, strict=True))
