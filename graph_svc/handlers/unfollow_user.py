"""Stops following."""

from __future__ import annotations

from functools import partial

from aviary.graph.v1.graph_service_pb2 import UnfollowUserRequest, UnfollowUserResponse
from graph_svc import events
from graph_svc.model import UserNotFound
from graph_svc.store import GraphStore
from mesh.caller import Caller
from mesh.clock import Clock
from mesh.failpoints import fp
from mesh.ids import IdSource
from views.clients.users import UserCards


async def unfollow_user(
    request: UnfollowUserRequest, *, caller: Caller, store: GraphStore, users: UserCards, ids: IdSource, clock: Clock
) -> UnfollowUserResponse:
    """Not followed when this returns, whether it was before or not. Raises UserNotFound."""
    edge = await store.unfollow(
        caller.user_id,
        request.user_id,
        now_us=clock.now_us(),
        announce=partial(events.follow_changed, event_id=ids.next_id()),
    )
    fp("unfollow.committed")
    # Whoever was followed once exists: user_svc is asked about strangers only.
    if edge is None and request.user_id not in await users.get_many([request.user_id]):
        raise UserNotFound(user_id=request.user_id)
    return UnfollowUserResponse()
