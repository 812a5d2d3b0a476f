"""Fetches messages for one worker and sees to it that each is taken, spoken for meanwhile, or handed back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any, Protocol

from mesh.background import background
from mesh.events.interface import Delivery, Subscription

FETCHED_AT_ONCE = 64
# A pull that is out while the broker dies stays silent for this long.
FETCH_WAIT = timedelta(seconds=2)
TAKEN_AT_ONCE = 32
# So often delivered, a message may be what kills its process: it is taken alone, or it takes its whole batch along.
SUSPICIOUS_ATTEMPTS = 3
# For messages in hand when the worker is told to stop: the next one need not wait until nobody answers for them.
HANDED_BACK_AFTER = timedelta(milliseconds=100)


class Take(Protocol):
    """What is done with one message; it acks the message or hands it back."""

    def __call__(self, delivery: Delivery, /) -> Coroutine[Any, Any, None]:
        """Must not raise for what one message did."""
        ...


async def pump(subscription: Subscription, take: Take, *, ack_wait: timedelta) -> None:
    """Call `take` for each message, at most TAKEN_AT_ONCE at a time, until cancelled."""
    slots = asyncio.Semaphore(TAKEN_AT_ONCE)
    while True:
        in_hand = dict.fromkeys(await subscription.fetch(limit=FETCHED_AT_ONCE, wait=FETCH_WAIT))
        if not in_hand:
            await asyncio.sleep(0)  # whatever the bus does, this loop never starves the others
            continue
        try:
            async with background(_speak_for(in_hand, every=ack_wait / 3), name="speaking for the messages in hand"):
                for batch in _batches(list(in_hand)):
                    await _take_together(batch, in_hand, take, slots)
        finally:
            for delivery in in_hand:
                await delivery.nak(delay=HANDED_BACK_AFTER)


async def _take_together(
    batch: Sequence[Delivery], in_hand: dict[Delivery, None], take: Take, slots: asyncio.Semaphore
) -> None:
    async def take_one(delivery: Delivery) -> None:
        async with slots:
            await take(delivery)
        del in_hand[delivery]

    async with asyncio.TaskGroup() as group:
        for delivery in batch:
            group.create_task(take_one(delivery))


def _batches(deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
    together = [delivery for delivery in deliveries if delivery.attempts < SUSPICIOUS_ATTEMPTS]
    alone = [[delivery] for delivery in deliveries if delivery.attempts >= SUSPICIOUS_ATTEMPTS]
    return [together, *alone] if together else alone


async def _speak_for(in_hand: dict[Delivery, None], *, every: timedelta) -> None:
    while True:
        await asyncio.sleep(every.total_seconds())
        for delivery in list(in_hand):
            await delivery.in_progress()
