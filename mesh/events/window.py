"""The events that a relay has read and that are not settled yet, in the order in which they were read."""

from __future__ import annotations

import logging

from mesh.errors import Unavailable
from mesh.events.interface import Outbox
from mesh.events.settle import Settlement
from mesh.events.unconfirmed import Unconfirmed

_log = logging.getLogger(__name__)


class Window:
    """Holds each event until its effects are confirmed, or given up; then hands it to the settlement."""

    def __init__(self, outbox: Outbox, settlement: Settlement) -> None:
        self._outbox = outbox
        self._settlement = settlement
        self._events: dict[int, Unconfirmed] = {}

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: Unconfirmed) -> bool:
        """Take in an event that was read; returns whether there is something to do for it.

        It may have several rows: it was appended again after a lost answer, or buried and revived. The latest counts,
        and the others go with it: while a row is there, the event is not confirmed.
        """
        held = self._events.get(event.event_id)
        if self._settlement.has(event.place):
            return False
        if held is not None and held.place >= event.place:
            if held.place != event.place:
                held.older_places.add(event.place)
            return False
        if held is not None:
            event.older_places = {held.place, *held.older_places}
            del self._events[event.event_id]
        self._events[event.event_id] = event
        return True

    def get(self, event_id: int) -> Unconfirmed | None:
        """The event, as long as it is not settled."""
        return self._events.get(event_id)

    def all(self) -> list[Unconfirmed]:
        """Every event, the first that was read first."""
        return list(self._events.values())

    def oldest(self) -> Unconfirmed | None:
        """The first of `all`."""
        return next(iter(self._events.values()), None)

    def settle_if_done(self, event: Unconfirmed) -> None:
        """Have its row deleted, if there is nothing left to do for it."""
        if event.is_done() and self._events.get(event.event_id) is event:
            del self._events[event.event_id]
            self._settlement.delete(event.place, *event.older_places)

    def give_up(self, event: Unconfirmed, *, group: str, reason: str) -> None:
        """Have its row kept as a dead letter."""
        del self._events[event.event_id]
        self._settlement.bury(event.place, group=group, reason=reason)
        self._settlement.delete(*event.older_places)

    async def payload_of(self, event: Unconfirmed) -> bytes | None:
        """Its bytes; None when it is settled, perhaps by another relay, or cannot be read now."""
        if self._events.get(event.event_id) is not event:
            return None
        if event.payload:
            return event.payload
        try:
            row = await self._outbox.at(event.place)
        except Unavailable as away:
            _log.debug("event %d cannot be read: %s", event.event_id, away)
            return None
        if row is None:
            if self._events.get(event.event_id) is event:
                del self._events[event.event_id]
            return None
        return row.event.payload
