"""Follows by handle."""

from __future__ import annotations

from functools import partial

from aviary.graph.v1.graph_service_pb2 import FollowUserByUsernameRequest, FollowUserByUsernameResponse
from graph_svc import events
from graph_svc.convert import to_timestamp
from graph_svc.model import SelfReference, UserNotFound
from graph_svc.store import GraphStore
from mesh.caller import Caller
from mesh.clock import Clock
from mesh.ids import IdSource
from views.clients.users import UserCards


async def follow_user_by_username(
    request: FollowUserByUsernameRequest,
    *,
    caller: Caller,
    store: GraphStore,
    users: UserCards,
    ids: IdSource,
    clock: Clock,
) -> FollowUserByUsernameResponse:
    """Followed when this returns; repeating it changes nothing. Raises SelfReference and UserNotFound."""
    followee = (await users.by_usernames([request.username])).get(request.username.lower())
    if followee is None:
        raise UserNotFound(username=request.username)
    if followee.user_id == caller.user_id:
        raise SelfReference("username")
    edge = await store.follow(
        caller.user_id,
        followee.user_id,
        new_edge_id=ids.next_id(),
        now_us=clock.now_us(),
        announce=partial(events.follow_changed, event_id=ids.next_id()),
    )
    return FollowUserByUsernameResponse(user_id=followee.user_id, create_time=to_timestamp(edge.created_us))
