"""Stops following by handle."""

from __future__ import annotations

from functools import partial

from aviary.graph.v1.graph_service_pb2 import UnfollowUserByUsernameRequest, UnfollowUserByUsernameResponse
from graph_svc import events
from graph_svc.model import UserNotFound
from graph_svc.store import GraphStore
from mesh.caller import Caller
from mesh.clock import Clock
from mesh.ids import IdSource
from views.clients.users import UserCards


async def unfollow_user_by_username(
    request: UnfollowUserByUsernameRequest,
    *,
    caller: Caller,
    store: GraphStore,
    users: UserCards,
    ids: IdSource,
    clock: Clock,
) -> UnfollowUserByUsernameResponse:
    """Not followed when this returns, whether it was before or not. Raises UserNotFound."""
    followee = (await users.by_usernames([request.username])).get(request.username.lower())
    if followee is None:
        raise UserNotFound(username=request.username)
    await store.unfollow(
        caller.user_id,
        followee.user_id,
        now_us=clock.now_us(),
        announce=partial(events.follow_changed, event_id=ids.next_id()),
    )
    return UnfollowUserByUsernameResponse()
