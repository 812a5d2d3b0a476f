"""The suite bites: a store that breaks one promise fails the test of that promise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest

from mesh.errors import Unavailable
from mesh.events.interface import OutboxEvent
from mesh.storage.cassandra import Cassandra
from mesh.storage.cassandra_outbox import CassandraOutbox
from tests.conformance.user_store import test_accounts as accounts
from tests.conformance.user_store import test_cut_off as cut_off
from tests.conformance.user_store import test_keys as keys
from tests.conformance.user_store import test_sessions as sessions
from tests.conformance.user_store.cases import BACKENDS, Opened, on_cassandra
from user_svc.model import Account, Claim, ProfileChange, RefreshTokenInvalid, Session, SignUpKey, UsernameTaken
from user_svc.store import SessionStore, UserStore
from user_svc.store.cassandra import CassandraUserStore
from user_svc.store.sqlite import SqliteSessionStore, SqliteUserStore


class ClaimsNothing(SqliteUserStore):
    async def claim(self, key: SignUpKey, *, request_hash: bytes, candidate_id: int, at_us: int) -> Claim:
        return Claim(candidate_id, replayed=False)


class ComparesNoRequests(SqliteUserStore):
    async def claim(self, key: SignUpKey, *, request_hash: bytes, candidate_id: int, at_us: int) -> Claim:
        return await super().claim(key, request_hash=b"", candidate_id=candidate_id, at_us=at_us)


class SharesKeysAmongNames(SqliteUserStore):
    async def claim(self, key: SignUpKey, *, request_hash: bytes, candidate_id: int, at_us: int) -> Claim:
        shared = replace(key, username="")
        return await super().claim(shared, request_hash=b"", candidate_id=candidate_id, at_us=at_us)


class OverwritesAccounts(SqliteUserStore):
    async def create(self, account: Account, *, announce: OutboxEvent, at_us: int) -> Account:
        await forget(self, account.user_id)
        return await super().create(account, announce=announce, at_us=at_us)


class LetsNewcomersHaveTheName(SqliteUserStore):
    async def create(self, account: Account, *, announce: OutboxEvent, at_us: int) -> Account:
        for holder in (await self.by_usernames([account.username])).values():
            await forget(self, holder.user_id)
        return await super().create(account, announce=announce, at_us=at_us)


class LetsNewcomersHaveTheAddress(SqliteUserStore):
    async def create(self, account: Account, *, announce: OutboxEvent, at_us: int) -> Account:
        if holder := await self.by_email(account.email):
            await forget(self, holder.user_id)
        return await super().create(account, announce=announce, at_us=at_us)


class MindsTheCaseOfNames(SqliteUserStore):
    async def by_usernames(self, usernames: Sequence[str]) -> dict[str, Account]:
        found = await super().by_usernames(usernames)
        return {name: account for name, account in found.items() if account.username in usernames}


class ReplacesProfiles(SqliteUserStore):
    async def update(self, user_id: int, change: ProfileChange, *, announce: OutboxEvent, at_us: int) -> Account | None:
        whole = ProfileChange(change.display_name or "", change.bio or "", change.location or "")
        return await super().update(user_id, whole, announce=announce, at_us=at_us)


class ExchangesForEver(SqliteSessionStore):
    async def rotate(self, token_hash: bytes, *, successor_hash: bytes, expires_us: int, at_us: int) -> Session:
        await run(self, "UPDATE refresh_tokens SET exchanged_us = NULL")
        return await super().rotate(token_hash, successor_hash=successor_hash, expires_us=expires_us, at_us=at_us)


class RevokesNothing(SqliteSessionStore):
    async def rotate(self, token_hash: bytes, *, successor_hash: bytes, expires_us: int, at_us: int) -> Session:
        try:
            return await super().rotate(token_hash, successor_hash=successor_hash, expires_us=expires_us, at_us=at_us)
        except RefreshTokenInvalid:
            await run(self, "UPDATE sessions SET revoked_us = NULL")
            raise


class NeverExpires(SqliteSessionStore):
    async def rotate(self, token_hash: bytes, *, successor_hash: bytes, expires_us: int, at_us: int) -> Session:
        return await super().rotate(token_hash, successor_hash=successor_hash, expires_us=expires_us, at_us=0)


class LogsOutEverywhere(SqliteSessionStore):
    async def rotate(self, token_hash: bytes, *, successor_hash: bytes, expires_us: int, at_us: int) -> Session:
        try:
            return await super().rotate(token_hash, successor_hash=successor_hash, expires_us=expires_us, at_us=at_us)
        except RefreshTokenInvalid:
            await run(self, "UPDATE sessions SET revoked_us = 1")
            raise


class TakesNamesOverUnasked(CassandraUserStore):
    """Of Cassandra: whoever wants a name gets it, whatever may become of the sign-up that has it."""

    def __init__(self, cassandra: Cassandra, outbox: CassandraOutbox) -> None:
        super().__init__(cassandra, outbox)
        self._names._is_free = _always  # type: ignore[method-assign]  # what is broken about it


class KeepsClaimsForEver(CassandraUserStore):
    """Of Cassandra: a sign-up that was cut off has its name for good."""

    def __init__(self, cassandra: Cassandra, outbox: CassandraOutbox) -> None:
        super().__init__(cassandra, outbox, sign_ups_end_after=timedelta(days=36_500))


class AnnouncesAfterwards(CassandraUserStore):
    """Of Cassandra: the event comes after the account, and is forgotten when that is all there was time for."""

    async def create(self, account: Account, *, announce: OutboxEvent, at_us: int) -> Account:
        made = await self._accounts.create(account, attempt=1)
        await self._names.take(account, attempt=1, at_us=at_us)
        await self._emails.take(account, attempt=1, at_us=at_us)
        statement, values = await self._outbox.append(announce, at_us=at_us)
        await self._cassandra.run(statement, *values)
        return made.account or account


async def _always(key: str, user_id: int, attempt: int, *, old: bool) -> bool:
    return True


async def run(store: SqliteUserStore | SqliteSessionStore, statement: str, *values: int) -> None:
    def work(connection: apsw.Connection) -> None:
        connection.execute(statement, values)

    await store._database.write(work)


async def forget(store: SqliteUserStore, user_id: int) -> None:
    await run(store, "DELETE FROM users WHERE user_id = ?", user_id)


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (ClaimsNothing, keys.test_every_later_call_returns_the_stored_id),
        (ComparesNoRequests, keys.test_another_request_under_the_same_key_is_refused_and_changes_nothing),
        (SharesKeysAmongNames, keys.test_keys_of_other_usernames_are_other_keys),
        (MindsTheCaseOfNames, accounts.test_unknown_ids_and_names_are_left_out),
    ],
)
async def test_a_user_store_that_breaks_a_promise_fails_its_test(
    broken: type[SqliteUserStore], check: Callable[[UserStore], Awaitable[None]], tmp_path: Path
) -> None:
    async with BACKENDS["sqlite"](tmp_path) as opened:
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            await check(_with(broken, opened).users)


@pytest.mark.parametrize(
    ("broken", "check", "arguments"),
    [
        (OverwritesAccounts, accounts.test_an_id_that_exists_changes_nothing_and_gives_what_is_stored, ()),
        (LetsNewcomersHaveTheName, accounts.test_a_username_is_taken_in_every_case, ("ANN",)),
        (LetsNewcomersHaveTheAddress, accounts.test_an_address_is_taken_in_every_case, ("Ann@Example.ORG",)),
        (
            ReplacesProfiles,
            accounts.test_an_update_changes_what_it_names_and_the_time,
            (ProfileChange(display_name="Ann B"), {"display_name": "Ann B"}),
        ),
    ],
)
async def test_a_user_store_that_damages_accounts_fails_its_test(
    broken: type[SqliteUserStore], check: Callable[..., Awaitable[None]], arguments: tuple[Any, ...], tmp_path: Path
) -> None:
    async with BACKENDS["sqlite"](tmp_path) as opened:
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            await check(_with(broken, opened), *arguments)


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (ExchangesForEver, sessions.test_a_token_that_was_exchanged_before_revokes_its_session),
        (RevokesNothing, sessions.test_a_token_that_was_exchanged_before_revokes_its_session),
        (NeverExpires, sessions.test_a_token_past_its_end_is_expired_and_changes_nothing),
        (LogsOutEverywhere, sessions.test_other_sessions_of_the_same_user_stay),
    ],
)
async def test_a_session_store_that_breaks_a_promise_fails_its_test(
    broken: type[SqliteSessionStore], check: Callable[[SessionStore], Awaitable[None]], tmp_path: Path
) -> None:
    async with BACKENDS["sqlite"](tmp_path) as opened:
        assert isinstance(opened.sessions, SqliteSessionStore)
        with pytest.raises((AssertionError, RefreshTokenInvalid, pytest.fail.Exception)):
            await check(broken(opened.sessions._database))


def _with(broken: type[SqliteUserStore], opened: Opened) -> Opened:
    assert isinstance(opened.users, SqliteUserStore)
    return replace(opened, users=broken(opened.users._database))


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (TakesNamesOverUnasked, partial(accounts.test_a_username_is_taken_in_every_case, username="ANN")),
        (KeepsClaimsForEver, cut_off.test_a_name_whose_sign_up_never_came_back_is_free_or_a_whole_account),
        (AnnouncesAfterwards, cut_off.test_a_name_whose_sign_up_never_came_back_is_free_or_a_whole_account),
    ],
)
async def test_a_store_that_uses_cassandra_wrongly_fails_its_test(
    broken: type[CassandraUserStore], check: Callable[[Opened], Awaitable[None]], tmp_path: Path
) -> None:
    async with BACKENDS["cassandra"](tmp_path) as opened:
        assert isinstance(opened.engine, Cassandra)
        with pytest.raises((AssertionError, UsernameTaken, Unavailable, pytest.fail.Exception)):
            await check(on_cassandra(opened.engine, broken))
