"""Reads one account by id."""

from __future__ import annotations

from aviary.user.v1.user_service_pb2 import GetUserRequest, GetUserResponse
from mesh.caller import Caller
from mesh.errors import Unauthenticated
from user_svc.clients.cards import Cards
from user_svc.model import UserNotFound
from user_svc.store import UserStore


async def get_user(request: GetUserRequest, *, caller: Caller, store: UserStore, cards: Cards) -> GetUserResponse:
    """The account; the caller's own for id 0. Raises UserNotFound, and Unauthenticated for 0 without a caller."""
    user_id = request.user_id or caller.user_id
    if not user_id:
        raise Unauthenticated("CREDENTIALS_MISSING", "log in to read your own account, or name one")
    account = (await store.get_many([user_id])).get(user_id)
    if account is None:
        raise UserNotFound(user_id=user_id)
    user, relationship = await cards.one(account, viewer_id=caller.user_id)
    return GetUserResponse(user=user, relationship=relationship)
