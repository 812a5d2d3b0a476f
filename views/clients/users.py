"""Accounts by id and by name, without counts: cached ones first, then user_svc once for all the others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from aviary.type.v1.user_pb2 import User
from aviary.user.internal.v1.user_internal_service_pb2 import ResolveUsersRequest
from mesh.errors import DeadlineExceeded, Unavailable
from views.cache import BodyCache
from views.model import distinct

if TYPE_CHECKING:  # the typed stub is known to type checkers only
    from aviary.user.internal.v1.user_internal_service_pb2_grpc import UserInternalServiceAsyncStub

Key = TypeVar("Key", int, str)

# An account may take 3 KiB, and an answer 1 MiB.
ASKED_AT_ONCE = 300


class UserCards(Protocol):
    """Accounts without counts."""

    async def get_many(self, ids: Sequence[int]) -> dict[int, User]:
        """Accounts by id; one that is not there is unknown. Raises Unavailable when that cannot be said."""
        ...

    async def get_reachable(self, ids: Sequence[int]) -> dict[int, User]:
        """As many as can be had now, for pages that do without the others: one that is not there proves nothing."""
        ...

    async def by_usernames(self, names: Iterable[str]) -> dict[str, User]:
        """Accounts by lower-cased name; one that is not there is unknown. Raises Unavailable."""
        ...


class CachedUsers(UserCards):
    """From Redis, and what is missing there from user_svc, in one call unless it is very much, kept for the next."""

    def __init__(self, cache: BodyCache, stub: UserInternalServiceAsyncStub) -> None:
        self._cache = cache
        self._stub = stub

    async def get_many(self, ids: Sequence[int]) -> dict[int, User]:
        known = await self._cache.users(distinct(ids))
        return known | await self._fetch_missing(ids, known)

    async def get_reachable(self, ids: Sequence[int]) -> dict[int, User]:
        known = await self._cache.users(distinct(ids))
        try:
            return known | await self._fetch_missing(ids, known)
        except (Unavailable, DeadlineExceeded):
            return known

    async def by_usernames(self, names: Iterable[str]) -> dict[str, User]:
        wanted = sorted({name.lower() for name in names})
        if not wanted:
            return {}
        found = await self._ask([ResolveUsersRequest(usernames=some) for some in _batches(wanted)])
        return {user.username.lower(): user for user in found}

    async def _fetch_missing(self, ids: Sequence[int], known: dict[int, User]) -> dict[int, User]:
        missed = [id_ for id_ in distinct(ids) if id_ not in known]
        if not missed:
            return {}
        found = await self._ask([ResolveUsersRequest(user_ids=some) for some in _batches(missed)])
        return {user.user_id: user for user in found}

    async def _ask(self, requests: list[ResolveUsersRequest]) -> list[User]:
        answers = await asyncio.gather(*(self._stub.ResolveUsers(request) for request in requests))
        users = [user for answer in answers for user in answer.users]
        await self._cache.fill_users(users)
        return users


def _batches(wanted: list[Key]) -> list[list[Key]]:
    return [wanted[start : start + ASKED_AT_ONCE] for start in range(0, len(wanted), ASKED_AT_ONCE)]
