"""The bus as a process reaches it: messages get lost, come twice, late and in another order; so do confirmations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

from mesh.events.interface import BusUnavailable, Delivery, EventBus, PubAck, StreamPosition, Subscription
from mesh.events.memory import MemoryBus
from tests.simulation.faults import Faults, Process

LONGEST_DELAY = 2.0


class FaultyBus(EventBus):
    """Of one process."""

    def __init__(self, bus: MemoryBus, process: Process, faults: Faults) -> None:
        self._bus = bus
        self._process = process
        self._faults = faults

    async def publish(self, subject: str, payload: bytes, *, groups: Collection[str] = ()) -> PubAck:
        await self._faults.pass_time()
        self._process.check()
        if self._faults.strikes("lost call"):
            raise BusUnavailable("lost on the way")
        acked = await self._bus.publish(subject, payload, groups=groups)
        if self._faults.strikes("duplicate"):
            await self._bus.publish(subject, payload, groups=groups)
        if self._faults.strikes("lost answer"):
            raise BusUnavailable("the answer was lost")
        return acked

    async def subscribe(self, group: str, subjects: Sequence[str]) -> Subscription:
        self._process.check()
        return _FaultySubscription(await self._bus.subscribe(group, subjects), self._process, self._faults)

    async def position(self, group: str) -> StreamPosition | None:
        self._process.check()
        return None if self._faults.strikes("lost answer") else await self._bus.position(group)

    async def confirm(self, owner: str, payload: bytes) -> None:
        await self._faults.pass_time()
        self._process.check()
        if self._faults.strikes("drop"):
            return
        if self._faults.strikes("duplicate"):
            await self._bus.confirm(owner, payload)
        if self._faults.strikes("delay"):
            await asyncio.sleep(LONGEST_DELAY * self._faults.chance.random())
            self._process.check()
        await self._bus.confirm(owner, payload)

    async def on_confirmation(self, owner: str, take: Callable[[bytes], None]) -> None:
        def take_while_alive(payload: bytes) -> None:
            if self._process.is_alive:
                take(payload)

        await self._bus.on_confirmation(owner, take_while_alive)


class _FaultySubscription(Subscription):
    def __init__(self, inner: Subscription, process: Process, faults: Faults) -> None:
        self._inner = inner
        self._process = process
        self._faults = faults

    async def fetch(self, *, limit: int, wait: timedelta) -> list[Delivery]:
        self._process.check()
        fetched = await self._inner.fetch(limit=limit, wait=wait)
        self._process.check()
        if not self._faults.is_on:
            return list(fetched)
        deliveries: list[Delivery] = []
        for delivery in fetched:
            if self._faults.strikes("drop"):
                await delivery.ack()  # gone for good: the broker thinks that it was taken
            elif self._faults.strikes("delay"):
                await delivery.nak(delay=timedelta(seconds=LONGEST_DELAY * self._faults.chance.random()))
            else:
                deliveries.append(_FaultyDelivery(delivery, self._process, self._faults))
                if self._faults.strikes("duplicate"):
                    deliveries.append(_FaultyDelivery(delivery, self._process, self._faults))
        if self._faults.strikes("reorder"):
            self._faults.chance.shuffle(deliveries)
        return deliveries


class _FaultyDelivery(Delivery):
    def __init__(self, inner: Delivery, process: Process, faults: Faults) -> None:
        self._inner = inner
        self._process = process
        self._faults = faults

    @property
    def subject(self) -> str:
        return self._inner.subject

    @property
    def payload(self) -> bytes:
        return self._inner.payload

    @property
    def attempts(self) -> int:
        return self._inner.attempts

    @property
    def groups(self) -> frozenset[str]:
        return self._inner.groups

    async def ack(self) -> None:
        await self._faults.pass_time()
        self._process.check()
        if not self._faults.strikes("lost ack"):
            await self._inner.ack()

    async def nak(self, *, delay: timedelta) -> None:
        self._process.check()
        if not self._faults.strikes("lost ack"):
            await self._inner.nak(delay=delay)

    async def in_progress(self) -> None:
        self._process.check()
        await self._inner.in_progress()
