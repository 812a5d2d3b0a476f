"""An author's class began to change: on the way back to PUSH, the followers' timelines take the author's newest ids."""

from __future__ import annotations

from aviary.events.v1.events_pb2 import AUTHOR_CLASS_PUSH, Event, FanoutJob
from mesh.events.consume import Outcome
from mesh.events.interface import EventBus
from timeline_svc.fanout.deliver import chain


async def on_author_class_changed(event: Event, *, bus: EventBus) -> Outcome:
    """On the way to PULL there is nothing to do: graph_svc indexes the followers by itself."""
    change = event.author_class_changed
    if change.next_author_class != AUTHOR_CLASS_PUSH:
        return Outcome.DONE
    await chain(bus, FanoutJob(author_user_id=change.user_id, event_id=event.event_id), after_edge_id=0)
    return Outcome.HANDED_ON
