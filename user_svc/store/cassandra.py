"""UserStore on Cassandra. A sign-up spans the partitions of a name, an address and a user id, without a transaction.

1. claim name and address for this attempt of this user id; neither is anybody's before step 3
2. add the event to the outbox
3. make the attempt an account: one condition in the partition of the user id, and all of it is seen

Whatever stops it in between leaves claims that others may take over once they are old, and every step may be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from mesh.errors import Unavailable
from mesh.events.interface import OutboxEvent
from mesh.failpoints import fp
from mesh.storage.cassandra import Cassandra, Statement
from mesh.storage.cassandra_outbox import CassandraOutbox
from user_svc.model import (
    Account,
    Claim,
    EmailTaken,
    ProfileChange,
    RequestIdReused,
    SignUpKey,
    UsernameTaken,
    email_key,
    username_key,
)
from user_svc.store.cassandra_accounts import Accounts
from user_svc.store.cassandra_claims import email_claims, username_claims
from user_svc.store.interface import SIGN_UPS_END_AFTER, UserStore

KEYS_KEPT = timedelta(hours=48)
MOST_TRIES = 3

_CLAIM_KEY = Statement(
    "request_keys.claim",
    "INSERT INTO request_keys (username_key, request_key, request_hash, user_id) VALUES (?, ?, ?, ?)"
    " IF NOT EXISTS USING TTL ?",
)
_KEY = Statement(
    "request_keys.get",
    "SELECT request_hash, user_id FROM request_keys WHERE username_key = ? AND request_key = ?",
    is_serial=True,
)


class CassandraUserStore(UserStore):
    """The tables users, usernames, emails and request_keys, and the outbox in the same keyspace.

    A sign-up that was begun `sign_ups_end_after` ago without becoming an account may lose its name to another.
    """

    def __init__(
        self, cassandra: Cassandra, outbox: CassandraOutbox, *, sign_ups_end_after: timedelta = SIGN_UPS_END_AFTER
    ) -> None:
        self._cassandra = cassandra
        self._outbox = outbox
        self._accounts = Accounts(cassandra)
        self._names = username_claims(cassandra, self._accounts, kept=sign_ups_end_after)
        self._emails = email_claims(cassandra, self._accounts, kept=sign_ups_end_after)

    async def claim(
        self,
        key: SignUpKey,
        *,
        request_hash: bytes,
        candidate_id: int,
        at_us: int,  # noqa: ARG002 - the servers' clocks count the age of keys
    ) -> Claim:
        name = (username_key(key.username), key.key)
        ttl = int(KEYS_KEPT.total_seconds())
        was_unknown = False
        for _ in range(MOST_TRIES):
            try:
                if await self._cassandra.applied(_CLAIM_KEY, *name, request_hash, candidate_id, ttl):
                    return Claim(candidate_id, replayed=False)
            except Unavailable:
                was_unknown = True
            for stored_hash, stored_id in await self._cassandra.run(_KEY, *name):
                if stored_hash != request_hash:
                    raise RequestIdReused
                # After a lost answer the row may be that of this very call.
                return Claim(stored_id, replayed=not (was_unknown and stored_id == candidate_id))
        raise Unavailable.backend("the store")

    async def create(self, account: Account, *, announce: OutboxEvent, at_us: int) -> Account:
        outcome = await self._accounts.outcome(account.user_id)
        for _ in range(MOST_TRIES):
            if outcome.account is not None:
                return outcome.account
            attempt = outcome.given_up + 1
            if not await self._names.take(account, attempt=attempt, at_us=at_us):
                raise UsernameTaken
            fp("sign_up.name_taken")
            if await self._emails.take(account, attempt=attempt, at_us=at_us):
                # Before the account: one that is there has its event, whatever stops us now.
                statement, values = await self._outbox.append(announce, at_us=at_us)
                await self._cassandra.run(statement, *values)
                fp("sign_up.announced")
                outcome = await self._accounts.create(account, attempt=attempt)
                fp("sign_up.account_made")
                self._outbox.committed()
            else:
                outcome = await self._accounts.give_up(account.user_id, attempt=attempt)
                if outcome.account is None and outcome.given_up >= attempt:
                    raise EmailTaken
        if outcome.account is None:
            raise Unavailable.backend("the store")
        return outcome.account

    async def update(self, user_id: int, change: ProfileChange, *, announce: OutboxEvent, at_us: int) -> Account | None:
        writes = await self._accounts.change(user_id, change, at_us=at_us)
        if writes is None:
            return None
        await self._outbox.commit("users.update", *writes, announce=announce, at_us=at_us)
        return await self._accounts.get(user_id)

    async def get_many(self, user_ids: Sequence[int]) -> dict[int, Account]:
        return await self._accounts.get_many(user_ids)

    async def by_usernames(self, usernames: Sequence[str]) -> dict[str, Account]:
        return await self._names.accounts(username_key(username) for username in usernames)

    async def by_email(self, email: str) -> Account | None:
        key = email_key(email)
        return (await self._emails.accounts([key])).get(key)

    async def ping(self) -> None:
        await self._cassandra.ping()
