"""Follows an account."""

from __future__ import annotations

from functools import partial

from aviary.graph.v1.graph_service_pb2 import FollowUserRequest, FollowUserResponse
from graph_svc import events
from graph_svc.convert import to_timestamp
from graph_svc.model import SelfReference, UserNotFound
from graph_svc.store import GraphStore
from mesh.caller import Caller
from mesh.clock import Clock
from mesh.failpoints import fp
from mesh.ids import IdSource
from views.clients.users import UserCards


async def follow_user(
    request: FollowUserRequest, *, caller: Caller, store: GraphStore, users: UserCards, ids: IdSource, clock: Clock
) -> FollowUserResponse:
    """Followed when this returns; repeating it changes nothing. Raises SelfReference and UserNotFound."""
    if request.user_id == caller.user_id:
        raise SelfReference("userId")
    if request.user_id not in await users.get_many([request.user_id]):
        raise UserNotFound(user_id=request.user_id)
    fp("follow.user_known")
    edge = await store.follow(
        caller.user_id,
        request.user_id,
        new_edge_id=ids.next_id(),
        now_us=clock.now_us(),
        announce=partial(events.follow_changed, event_id=ids.next_id()),
    )
    fp("follow.committed")
    return FollowUserResponse(create_time=to_timestamp(edge.created_us))
