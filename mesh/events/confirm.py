"""Tells the owners of events that the effects are made: many events in one message, a few milliseconds together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from aviary.events.v1 import events_pb2
from mesh.events.interface import EventBus
from mesh.failpoints import fp

# Long enough to gather the confirmations of a batch, short beside the time that a row lives anyway.
GATHERING = timedelta(milliseconds=2)
LONGEST_REASON = 500


@dataclass(slots=True)
class _Batch:
    sent: asyncio.Future[None]
    event_ids: list[int] = field(default_factory=list)


class Confirmer:
    """Confirms events in the name of one consumer group."""

    def __init__(self, bus: EventBus, group: str) -> None:
        self._bus = bus
        self._group = group
        self._gathering: dict[str, _Batch] = {}

    async def done(self, owner: str, event_id: int) -> None:
        """Say that the effects of an event of service `owner` are made; returns when that was handed to the broker.

        A lost confirmation costs a repeat of the event.
        """
        batch = self._gathering.get(owner)
        if batch is not None:
            batch.event_ids.append(event_id)
            await asyncio.shield(batch.sent)
            return
        batch = self._gathering[owner] = _Batch(asyncio.get_running_loop().create_future(), [event_id])
        try:
            await asyncio.sleep(GATHERING.total_seconds())
        finally:
            del self._gathering[owner]
            try:
                fp("confirm.gathered")
                await self._send(owner, events_pb2.CONFIRMATION_STATUS_DONE, batch.event_ids)
            finally:
                batch.sent.set_result(None)

    async def dead(self, owner: str, event_id: int, reason: str) -> None:
        """Give an event up. Its outbox row stays, with the reason, as the dead letter."""
        await self._send(owner, events_pb2.CONFIRMATION_STATUS_DEAD, [event_id], reason[:LONGEST_REASON])

    async def _send(
        self, owner: str, status: events_pb2.ConfirmationStatus.ValueType, event_ids: list[int], reason: str = ""
    ) -> None:
        confirmation = events_pb2.Confirmation(
            event_ids=event_ids, status=status, reason=reason, consumer_group=self._group
        )
        await self._bus.confirm(owner, confirmation.SerializeToString())
