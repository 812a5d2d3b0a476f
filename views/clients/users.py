"""Accounts by id and by name, without counts: cached ones first, then user_svc once for all the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from aviary.type.v1.user_pb2 import User
from aviary.user.internal.v1.user_internal_service_pb2 import ResolveUsersRequest
from mesh.errors import DeadlineExceeded, Unavailable
from views.cache import BodyCache
from views.model import distinct

if TYPE_CHECKING:  # the typed stub is known to type checkers only
    from aviary.user.internal.v1.user_internal_service_pb2_grpc import UserInternalServiceAsyncStub


class UserCards(Protocol):
    """Accounts without counts. At most 1,000 a call."""

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
    """From Redis, and what is missing there in one call to user_svc, kept for the next reader."""

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
        answer = await self._stub.ResolveUsers(ResolveUsersRequest(usernames=wanted))
        await self._cache.fill_users(answer.users)
        return {user.username.lower(): user for user in answer.users}

    async def _fetch_missing(self, ids: Sequence[int], known: dict[int, User]) -> dict[int, User]:
        missed = [id_ for id_ in distinct(ids) if id_ not in known]
        if not missed:
            return {}
        answer = await self._stub.ResolveUsers(ResolveUsersRequest(user_ids=missed))
        await self._cache.fill_users(answer.users)
        return {user.user_id: user for user in answer.users}
