"""The suite of the bus bites: each of these buses breaks one promise, and the test of that promise fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from mesh.events.interface import Delivery, EventBus, PubAck, StreamPosition, Subscription
from mesh.events.memory import MemoryBus
from tests.conformance import test_event_bus as suite
from tests.support import buses
from tests.support.buses import ACK_WAIT, Backend


@dataclass
class Spoilt(EventBus, Subscription):
    """A memory bus, also as one of its own subscriptions, that does the parts given here in its own way."""

    inner: MemoryBus
    broken: str
    subscription: Subscription | None = None

    async def publish(self, subject: str, payload: bytes, *, groups: Collection[str] = ()) -> PubAck:
        kept = () if self.broken == "forgets whom a repeat is for" else groups
        return await self.inner.publish(subject, payload, groups=kept)

    async def subscribe(self, group: str, subjects: Sequence[str]) -> Subscription:
        if self.broken == "delivers to one group only":
            group = "the one"
        if self.broken == "gives everything to every worker":
            group = f"{group}-{len(self.inner._places)}"
        if self.broken == "skips what was published before":
            for delivery in await (await self.inner.subscribe(group, subjects)).fetch(limit=9, wait=timedelta()):
                await delivery.ack()
        return Spoilt(self.inner, self.broken, await self.inner.subscribe(group, subjects))

    async def fetch(self, *, limit: int, wait: timedelta) -> list[Delivery]:
        assert self.subscription is not None
        taken = limit + 5 if self.broken == "hands out more than was asked for" else limit
        deliveries = await self.subscription.fetch(limit=taken, wait=wait)
        return [SpoiltDelivery(delivery, self.broken) for delivery in deliveries]

    async def position(self, group: str) -> StreamPosition | None:
        position = await self.inner.position(group)
        if position is not None and self.broken == "says that every group is at the end":
            return StreamPosition(position.epoch, position.first, position.last, position.last)
        return position

    async def confirm(self, owner: str, payload: bytes) -> None:
        if self.broken == "loses confirmations":
            return
        await self.inner.confirm(owner, payload)

    async def on_confirmation(self, owner: str, take: Callable[[bytes], None]) -> None:
        await self.inner.on_confirmation("tweet" if self.broken == "tells every owner" else owner, take)


@dataclass(frozen=True)
class SpoiltDelivery(Delivery):
    """A delivery whose answers get lost or are misunderstood."""

    inner: Delivery
    broken: str

    @property
    def subject(self) -> str:
        return self.inner.subject

    @property
    def payload(self) -> bytes:
        return self.inner.payload

    @property
    def attempts(self) -> int:
        return 1 if self.broken == "does not count attempts" else self.inner.attempts

    @property
    def groups(self) -> frozenset[str]:
        return self.inner.groups

    async def ack(self) -> None:
        if self.broken != "loses acks":
            await self.inner.ack()

    async def nak(self, *, delay: timedelta) -> None:
        if self.broken == "loses what is handed back":
            await self.inner.ack()
        else:
            await self.inner.nak(delay=timedelta() if self.broken == "repeats without delay" else delay)

    async def in_progress(self) -> None:
        if self.broken != "does not hear that work goes on":
            await self.inner.in_progress()


CASES = [
    ("delivers to one group only", suite.test_every_group_receives_every_message),
    ("gives everything to every worker", suite.test_the_workers_of_a_group_share_its_messages),
    ("gives everything to every worker", suite.test_a_job_goes_to_one_worker_and_apart_from_events),
    ("skips what was published before", suite.test_a_group_that_comes_late_receives_what_was_published_before),
    ("hands out more than was asked for", suite.test_fetch_takes_no_more_than_its_limit_and_waits_for_the_first_only),
    ("loses what is handed back", suite.test_a_message_handed_back_comes_again_and_not_before_its_delay),
    ("repeats without delay", suite.test_a_message_handed_back_comes_again_and_not_before_its_delay),
    ("loses acks", suite.test_an_acked_message_does_not_come_again),
    ("loses acks", suite.test_a_position_tells_how_far_a_group_has_acked),
    ("does not count attempts", suite.test_a_message_that_nobody_answers_for_goes_to_another_worker),
    ("does not hear that work goes on", suite.test_a_message_in_progress_stays_with_its_worker),
    ("forgets whom a repeat is for", suite.test_a_repeat_names_the_groups_it_is_for),
    ("says that every group is at the end", suite.test_a_position_tells_how_far_a_group_has_acked),
    ("says that every group is at the end", suite.test_a_group_that_never_came_is_at_the_start),
    ("loses confirmations", suite.test_a_confirmation_reaches_every_relay_of_its_owner),
    ("tells every owner", suite.test_a_confirmation_reaches_every_relay_of_its_owner),
]


def broken_backend(broken: str) -> Backend:
    inner = MemoryBus(ack_wait=ACK_WAIT)
    return Backend(Spoilt(inner, broken), inner.forget)


@pytest.mark.parametrize(("broken", "check"), CASES, ids=[f"{name}: {check.__name__}" for name, check in CASES])
async def test_a_bus_that_breaks_a_promise_fails_its_test(
    broken: str, check: Callable[[Backend], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buses, "PATIENCE", timedelta(seconds=1.5))
    with pytest.raises((AssertionError, ValueError, TimeoutError)):
        await check(broken_backend(broken))


@pytest.mark.parametrize("check", dict.fromkeys(check for _, check in CASES), ids=lambda check: str(check.__name__))
async def test_the_same_bus_passes_when_it_breaks_nothing(check: Callable[[Backend], Awaitable[None]]) -> None:
    await check(broken_backend("nothing"))
