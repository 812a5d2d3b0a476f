"""Accounts by id and by handle, for other services."""

from __future__ import annotations

from aviary.user.internal.v1.user_internal_service_pb2 import ResolveUsersRequest, ResolveUsersResponse
from user_svc.convert import to_message
from user_svc.store import UserStore


async def resolve_users(request: ResolveUsersRequest, *, store: UserStore) -> ResolveUsersResponse:
    """Accounts found, each once, without counts."""
    found = await store.get_many(request.user_ids) if request.user_ids else {}
    if request.usernames:
        named = await store.by_usernames(request.usernames)
        found |= {account.user_id: account for account in named.values()}
    return ResolveUsersResponse(users=[to_message(account) for account in found.values()])
