"""Reads many accounts at once."""

from __future__ import annotations

from aviary.user.v1.user_service_pb2 import BatchGetUsersRequest, BatchGetUsersResponse
from user_svc.clients.cards import Cards
from user_svc.store import UserStore


async def batch_get_users(request: BatchGetUsersRequest, *, store: UserStore, cards: Cards) -> BatchGetUsersResponse:
    """The accounts found in the order asked, each once; unknown ids beside them."""
    wanted = list(dict.fromkeys(request.user_ids))
    found = await store.get_many(wanted)
    users = await cards.many([found[user_id] for user_id in wanted if user_id in found])
    return BatchGetUsersResponse(users=users, missing_user_ids=[user_id for user_id in wanted if user_id not in found])
