"""Names and addresses in Cassandra: each is a partition that says which attempt to sign up may have it.

A claim holds for as long as its attempt may become an account, and for ever once it did. One that is old without an
account is given up by whoever wants the name, in the partition of its user id; only then is it taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta

from mesh.errors import Unavailable
from mesh.storage.cassandra import Cassandra, Statement
from user_svc.model import Account, email_key, username_key
from user_svc.store.cassandra_accounts import Accounts

MOST_TRIES = 3


class Claims:
    """One table of claims. `key_of` is the key that an account needs there. All methods raise Unavailable."""

    def __init__(
        self,
        cassandra: Cassandra,
        accounts: Accounts,
        *,
        table: str,
        column: str,
        key_of: Callable[[Account], str],
        kept: timedelta,
    ) -> None:
        self._cassandra = cassandra
        self._accounts = accounts
        self._key_of = key_of
        self._kept_us = kept // timedelta(microseconds=1)
        self._insert = Statement(
            f"{table}.claim",
            f"INSERT INTO {table} ({column}, user_id, attempt, claimed_us) VALUES (?, ?, ?, ?) IF NOT EXISTS",  # noqa: S608 - constants
        )
        self._take_over = Statement(
            f"{table}.take_over",
            f"UPDATE {table} SET user_id = ?, attempt = ?, claimed_us = ?"  # noqa: S608 - constants
            f" WHERE {column} = ? IF user_id = ? AND attempt = ?",
        )
        self._holder = Statement(
            f"{table}.holder",
            f"SELECT user_id, attempt, claimed_us FROM {table} WHERE {column} = ?",  # noqa: S608 - constants
            is_serial=True,
        )
        self._get = Statement(f"{table}.get", f"SELECT {column}, user_id FROM {table} WHERE {column} IN ?")  # noqa: S608 - constants

    async def take(self, account: Account, *, attempt: int, at_us: int) -> bool:
        """Claim what the account needs for this attempt of it. False when somebody else has it, or may get it."""
        key = self._key_of(account)
        for _ in range(MOST_TRIES):
            # Who has it now says what became of a statement whose answer was lost.
            with suppress(Unavailable):
                if await self._cassandra.applied(self._insert, key, account.user_id, attempt, at_us):
                    return True
            for user_id, held_attempt, claimed_us in await self._cassandra.run(self._holder, key):
                if (user_id, held_attempt) == (account.user_id, attempt):
                    return True
                if user_id == account.user_id and held_attempt > attempt:
                    raise Unavailable.backend("the store")  # a repeat of this sign-up has given this attempt up
                if not await self._is_free(key, user_id, held_attempt, old=claimed_us + self._kept_us <= at_us):
                    return False
                values = (account.user_id, attempt, at_us, key, user_id, held_attempt)
                with suppress(Unavailable):
                    if await self._cassandra.applied(self._take_over, *values):
                        return True
        raise Unavailable.backend("the store")

    async def accounts(self, keys: Iterable[str]) -> dict[str, Account]:
        """The accounts that have these keys; a claim without an account is left out."""
        holders: dict[str, int] = dict(await self._cassandra.run_in(self._get, keys))
        found = await self._accounts.get_many(holders.values())
        accounts = {key: found[user_id] for key, user_id in holders.items() if user_id in found}
        return {key: account for key, account in accounts.items() if self._key_of(account) == key}

    async def _is_free(self, key: str, user_id: int, attempt: int, *, old: bool) -> bool:
        """Whether the attempt that has the key will never be an account that needs it."""
        outcome = await self._accounts.outcome(user_id)
        if old and outcome.account is None and outcome.given_up < attempt:
            outcome = await self._accounts.give_up(user_id, attempt=attempt)
        if outcome.account is not None:
            return self._key_of(outcome.account) != key
        return outcome.given_up >= attempt


def username_claims(cassandra: Cassandra, accounts: Accounts, *, kept: timedelta) -> Claims:
    """The claims of names."""
    return Claims(
        cassandra,
        accounts,
        table="usernames",
        column="username_key",
        key_of=lambda account: username_key(account.username),
        kept=kept,
    )


def email_claims(cassandra: Cassandra, accounts: Accounts, *, kept: timedelta) -> Claims:
    """The claims of addresses."""
    return Claims(
        cassandra,
        accounts,
        table="emails",
        column="email_key",
        key_of=lambda account: email_key(account.email),
        kept=kept,
    )
