"""Our own event, run by our own outbox worker: completes the change, and begins the change of class of an author whose
count crossed a bound.
"""

from __future__ import annotations

from aviary.events.v1.events_pb2 import Event
from graph_svc import events
from graph_svc.author_class import Bounds, Stage, stage_for_count
from graph_svc.store import GraphStore
from mesh.clock import Clock
from mesh.failpoints import fp
from mesh.ids import IdSource


async def on_follow_changed(event: Event, *, store: GraphStore, ids: IdSource, clock: Clock, bounds: Bounds) -> None:
    """Looks at edge and count as they are now, so repeats and any order are harmless.

    When another writer moves the author first it looks again. Raises Unavailable, to be called again.
    """
    change = event.follow_changed
    author_id = change.followee_user_id
    await store.complete(change.follower_user_id, author_id, op_time_us=change.op_time_us)
    fp("class.follow_completed")
    is_settled = False
    while not is_settled:
        standing = await store.standing(author_id)
        counts = await store.counts([author_id])
        stage = stage_for_count(standing.stage, counts[author_id].followers_count, bounds)
        if stage is None:
            return
        now_us = clock.now_us()
        announce = None
        if stage is Stage.PUSHING:
            announce = events.pushing_begins(author_id, event_id=ids.next_id(), at_us=now_us)
        is_settled = await store.change_stage(standing, stage, now_us=now_us, announce=announce) is not None
        fp("class.moved")
