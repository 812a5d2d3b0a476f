"""Accounts as a viewer sees them: with counts and relationship where those can be had now. None of it is required:
an account is shown also when every other service is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import TypeVar

from aviary.type.v1.user_pb2 import Relationship, User
from mesh.errors import MeshError
from user_svc.clients.counts import AccountCounts
from user_svc.clients.relationships import Relationships
from user_svc.convert import to_message
from user_svc.model import Account

Part = TypeVar("Part")


class Cards:
    """`patience` is how long an answer waits for what it can do without."""

    def __init__(
        self,
        counts: AccountCounts,
        relationships: Relationships,
        *,
        patience: timedelta = timedelta(milliseconds=400),
    ) -> None:
        self._counts = counts
        self._relationships = relationships
        self._patience_seconds = patience.total_seconds()

    async def one(self, account: Account, *, viewer_id: int) -> tuple[User, Relationship | None]:
        """The account, and how the viewer stands to it: None for anonymous viewers and for oneself."""
        async with asyncio.TaskGroup() as parts:
            users = parts.create_task(self.many([account]))
            relationship = parts.create_task(self._relationship(viewer_id, account.user_id))
        return users.result()[0], relationship.result()

    async def many(self, accounts: Sequence[Account]) -> list[User]:
        """The accounts with their counts, in this order."""
        counts = await self._optional(self._counts.get_many([account.user_id for account in accounts])) or {}
        users = [to_message(account) for account in accounts]
        for user in users:
            if user.user_id in counts:
                user.counts.CopyFrom(counts[user.user_id])
        return users

    async def _relationship(self, viewer_id: int, user_id: int) -> Relationship | None:
        if viewer_id in {0, user_id}:
            return None
        return await self._optional(self._relationships.get(viewer_id, user_id))

    async def _optional(self, part: Awaitable[Part]) -> Part | None:
        """The part, or None when it fails or takes too long."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await part
        except (MeshError, TimeoutError):
            return None
