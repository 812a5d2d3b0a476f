"""The table `users` in Cassandra: accounts, and how sign-ups ended.

A sign-up is decided in one partition, that of its user id: by one condition it becomes an account, or it is given up.
Both are for ever, so whoever has seen one may rely on it. docs/decisions/0025 says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mesh.errors import Unavailable
from mesh.storage.cassandra import Call, Cassandra, Statement
from user_svc.model import Account, ProfileChange

_ACCOUNT = "user_id, username, email, password_hash, display_name, bio, location, created_us, updated_us"
_GET = Statement("users.get", f"SELECT {_ACCOUNT} FROM users WHERE user_id IN ?")  # noqa: S608 - constants
_OUTCOME = Statement("users.outcome", f"SELECT {_ACCOUNT}, given_up FROM users WHERE user_id = ?")  # noqa: S608 - constants
_SETTLED_OUTCOME = Statement("users.settled_outcome", _OUTCOME.text, is_serial=True)
_CREATE = Statement(
    "users.create",
    "UPDATE users SET username = ?, email = ?, password_hash = ?, display_name = ?, bio = ?, location = ?,"
    " created_us = ?, updated_us = ? WHERE user_id = ? IF created_us = null AND given_up = ?",
)
_GIVE_UP = Statement(
    "users.give_up", "UPDATE users SET given_up = ? WHERE user_id = ? IF created_us = null AND given_up = ?"
)
_CHANGED_AT = Statement("users.changed_at", "SELECT created_us, WRITETIME(updated_us) FROM users WHERE user_id = ?")
_TOUCH = Statement("users.touch", "UPDATE users USING TIMESTAMP ? SET updated_us = ? WHERE user_id = ?")
_SET = {
    column: Statement(f"users.set_{column}", f"UPDATE users USING TIMESTAMP ? SET {column} = ? WHERE user_id = ?")  # noqa: S608 - constants
    for column in ("display_name", "bio", "location")
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the sign-ups under one user id: an account, or so many attempts that were given up."""

    account: Account | None
    given_up: int


class Accounts:
    """Rows of `users`. All methods raise Unavailable."""

    def __init__(self, cassandra: Cassandra) -> None:
        self._cassandra = cassandra

    async def get(self, user_id: int) -> Account | None:
        """The account; a sign-up that is under way or was given up is none."""
        return (await self.get_many([user_id])).get(user_id)

    async def get_many(self, user_ids: Iterable[int]) -> dict[int, Account]:
        """Accounts by id; unknown ids are left out."""
        rows = await self._cassandra.run_in(_GET, user_ids)
        return {account.user_id: account for account in map(_account, rows) if account is not None}

    async def outcome(self, user_id: int) -> Outcome:
        """What was decided some time ago; a decision of this moment may be missing."""
        return await self._outcome(_OUTCOME, user_id)

    async def settled_outcome(self, user_id: int) -> Outcome:
        """What was decided up to now, also by a statement whose answer was lost."""
        return await self._outcome(_SETTLED_OUTCOME, user_id)

    async def create(self, account: Account, *, attempt: int) -> Outcome:
        """Make the attempt an account unless the attempt was given up, or there is an account.

        An outcome without either means that it is not known: the account may still come to be.
        """
        values = (
            account.username,
            account.email,
            account.password_hash,
            account.display_name,
            account.bio,
            account.location,
            account.created_us,
            account.updated_us,
        )
        with suppress(Unavailable):
            if await self._cassandra.applied(_CREATE, *values, account.user_id, attempt - 1 or None):
                return Outcome(account, attempt - 1)
        return await self.settled_outcome(account.user_id)

    async def give_up(self, user_id: int, *, attempt: int) -> Outcome:
        """See to it that the attempt never becomes an account, unless it is one. The outcome as of `create`."""
        with suppress(Unavailable):
            await self._cassandra.applied(_GIVE_UP, attempt, user_id, attempt - 1 or None)
        return await self.settled_outcome(user_id)

    async def change(self, user_id: int, change: ProfileChange, *, at_us: int) -> list[Call] | None:
        """What writes the fields that the change names, over all that was written before; None for an unknown id."""
        for created_us, written_us in await self._cassandra.run(_CHANGED_AT, user_id):
            if created_us is None:
                return None
            # Conditions stamp by the servers' clocks, and other processes by theirs: a later change must win anyway.
            timestamp = max(at_us, written_us + 1)
            named = {"display_name": change.display_name, "bio": change.bio, "location": change.location}
            return [
                (_TOUCH, (timestamp, at_us, user_id)),
                *((_SET[column], (timestamp, text, user_id)) for column, text in named.items() if text is not None),
            ]
        return None

    async def _outcome(self, statement: Statement, user_id: int) -> Outcome:
        for *row, given_up in await self._cassandra.run(statement, user_id):
            return Outcome(_account(row), given_up or 0)
        return Outcome(None, 0)


def _account(row: Sequence[Any]) -> Account | None:
    *_, created_us, _ = row
    return None if created_us is None else Account(*row)
