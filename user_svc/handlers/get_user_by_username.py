"""Reads one account by handle."""

from __future__ import annotations

from aviary.user.v1.user_service_pb2 import GetUserByUsernameRequest, GetUserByUsernameResponse
from mesh.caller import Caller
from user_svc.clients.cards import Cards
from user_svc.model import UserNotFound, username_key
from user_svc.store import UserStore


async def get_user_by_username(
    request: GetUserByUsernameRequest, *, caller: Caller, store: UserStore, cards: Cards
) -> GetUserByUsernameResponse:
    """The account with this name, in any case. Raises UserNotFound."""
    found = await store.by_usernames([request.username])
    account = found.get(username_key(request.username))
    if account is None:
        raise UserNotFound(username=request.username)
    user, relationship = await cards.one(account, viewer_id=caller.user_id)
    return GetUserByUsernameResponse(user=user, relationship=relationship)
