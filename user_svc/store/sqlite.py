"""UserStore and SessionStore on one SQLite file: what the mesh runs on when no cluster is named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from enum import Enum
from typing import Any

import apsw

from mesh.events.interface import OutboxEvent
from mesh.storage.outbox import append
from mesh.storage.sqlite import SqliteDatabase
from user_svc.model import (
    Account,
    Claim,
    EmailTaken,
    ProfileChange,
    RefreshTokenExpired,
    RefreshTokenInvalid,
    RequestIdReused,
    Session,
    SignUpKey,
    UsernameTaken,
    email_key,
    username_key,
)
from user_svc.store.interface import SessionStore, UserStore

KEYS_KEPT = timedelta(hours=48)
ENDED_SESSIONS_KEPT = timedelta(hours=24)
MOST_FORGOTTEN = 4

_ACCOUNT = "user_id, username, email, password_hash, display_name, bio, location, created_us, updated_us"


class SqliteUserStore(UserStore):
    """The tables users and request_keys, and the outbox beside them."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def claim(self, key: SignUpKey, *, request_hash: bytes, candidate_id: int, at_us: int) -> Claim:
        def work(connection: apsw.Connection) -> Claim:
            _forget_old_keys(connection, before_us=at_us - KEYS_KEPT // timedelta(microseconds=1))
            stored: tuple[Any, ...] | None = connection.execute(
                "SELECT request_hash, user_id FROM request_keys WHERE username_key = ? AND request_key = ?",
                (username_key(key.username), key.key),
            ).fetchone()
            if stored is None:
                connection.execute(
                    "INSERT INTO request_keys VALUES (?, ?, ?, ?, ?)",
                    (username_key(key.username), key.key, request_hash, candidate_id, at_us),
                )
                return Claim(candidate_id, replayed=False)
            if stored[0] != request_hash:
                raise RequestIdReused
            return Claim(stored[1], replayed=True)

        return await self._database.write(work)

    async def create(self, account: Account, *, announce: OutboxEvent, at_us: int) -> Account:
        def work(connection: apsw.Connection) -> Account:
            same_id = _account(connection, "user_id = ?", account.user_id)
            if same_id is not None:
                return same_id
            if _account(connection, "username_key = ?", username_key(account.username)):
                raise UsernameTaken
            if _account(connection, "email_key = ?", email_key(account.email)):
                raise EmailTaken
            connection.execute(
                f"INSERT INTO users ({_ACCOUNT}, username_key, email_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
                (
                    account.user_id,
                    account.username,
                    account.email,
                    account.password_hash,
                    account.display_name,
                    account.bio,
                    account.location,
                    account.created_us,
                    account.updated_us,
                    username_key(account.username),
                    email_key(account.email),
                ),
            )
            append(connection, announce, at_us=at_us)
            return account

        return await self._database.write(work)

    async def update(self, user_id: int, change: ProfileChange, *, announce: OutboxEvent, at_us: int) -> Account | None:
        def work(connection: apsw.Connection) -> Account | None:
            changed = connection.execute(
                "UPDATE users SET display_name = coalesce(?, display_name), bio = coalesce(?, bio),"
                " location = coalesce(?, location), updated_us = ? WHERE user_id = ? RETURNING user_id",
                (change.display_name, change.bio, change.location, at_us, user_id),
            ).fetchall()
            if not changed:
                return None
            append(connection, announce, at_us=at_us)
            return _account(connection, "user_id = ?", user_id)

        return await self._database.write(work)

    async def get_many(self, user_ids: Sequence[int]) -> dict[int, Account]:
        accounts = self._read("user_id IN (SELECT value FROM json_each(?))", json.dumps(list(user_ids)))
        return {account.user_id: account for account in accounts}

    async def by_usernames(self, usernames: Sequence[str]) -> dict[str, Account]:
        keys = json.dumps([username_key(username) for username in usernames])
        accounts = self._read("username_key IN (SELECT value FROM json_each(?))", keys)
        return {username_key(account.username): account for account in accounts}

    async def by_email(self, email: str) -> Account | None:
        return next(iter(self._read("email_key = ?", email_key(email))), None)

    async def ping(self) -> None:
        self._database.read(lambda connection: connection.execute("SELECT 1").fetchall())

    def _read(self, condition: str, value: str) -> list[Account]:
        rows: list[tuple[Any, ...]] = self._database.read(
            lambda connection: connection.execute(
                f"SELECT {_ACCOUNT} FROM users WHERE {condition}",  # noqa: S608 - constants
                (value,),
            ).fetchall()
        )
        return [Account(*row) for row in rows]


class _Outcome(Enum):
    EXCHANGED = 1
    INVALID = 2
    EXPIRED = 3


class SqliteSessionStore(SessionStore):
    """The tables sessions and refresh_tokens."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def open_session(self, session: Session, *, token_hash: bytes, expires_us: int, at_us: int) -> None:
        def work(connection: apsw.Connection) -> None:
            _forget_ended_sessions(connection, before_us=at_us - ENDED_SESSIONS_KEPT // timedelta(microseconds=1))
            connection.execute(
                "INSERT INTO sessions (session_id, user_id, created_us, expires_us) VALUES (?, ?, ?, ?)",
                (session.session_id, session.user_id, at_us, expires_us),
            )
            _save_token(connection, token_hash, session.session_id, expires_us)

        await self._database.write(work)

    async def rotate(self, token_hash: bytes, *, successor_hash: bytes, expires_us: int, at_us: int) -> Session:
        def work(connection: apsw.Connection) -> tuple[_Outcome, Session]:
            found: tuple[Any, ...] | None = connection.execute(
                "SELECT session_id, user_id, revoked_us, exchanged_us, token.expires_us"
                " FROM refresh_tokens AS token JOIN sessions USING (session_id) WHERE token_hash = ?",
                (token_hash,),
            ).fetchone()
            if found is None:
                return _Outcome.INVALID, Session(0, 0)
            session = Session(found[0], found[1])
            revoked_us, exchanged_us, ends_us = found[2:]
            if revoked_us is not None or exchanged_us is not None:
                connection.execute(
                    "UPDATE sessions SET revoked_us = coalesce(revoked_us, ?) WHERE session_id = ?",
                    (at_us, session.session_id),
                )
                return _Outcome.INVALID, session
            if ends_us <= at_us:
                return _Outcome.EXPIRED, session
            connection.execute("UPDATE refresh_tokens SET exchanged_us = ? WHERE token_hash = ?", (at_us, token_hash))
            connection.execute(
                "UPDATE sessions SET expires_us = ? WHERE session_id = ?", (expires_us, session.session_id)
            )
            _save_token(connection, successor_hash, session.session_id, expires_us)
            _forget_ended_tokens(connection, session.session_id, at_us=at_us)
            return _Outcome.EXCHANGED, session

        # Raised here and not in the work, which would undo the revocation.
        outcome, session = await self._database.write(work)
        if outcome is _Outcome.INVALID:
            raise RefreshTokenInvalid
        if outcome is _Outcome.EXPIRED:
            raise RefreshTokenExpired
        return session


def _account(connection: apsw.Connection, condition: str, value: int | str) -> Account | None:
    row: tuple[Any, ...] | None = connection.execute(
        f"SELECT {_ACCOUNT} FROM users WHERE {condition}",  # noqa: S608 - constants
        (value,),
    ).fetchone()
    return Account(*row) if row else None


def _save_token(connection: apsw.Connection, token_hash: bytes, session_id: int, expires_us: int) -> None:
    connection.execute(
        "INSERT INTO refresh_tokens (token_hash, session_id, expires_us) VALUES (?, ?, ?)",
        (token_hash, session_id, expires_us),
    )


# Old rows go a few at a time with every new one: the tables stay as large as what is in use, and no call pays for many.


def _forget_old_keys(connection: apsw.Connection, *, before_us: int) -> None:
    connection.execute(
        "DELETE FROM request_keys WHERE rowid IN"
        " (SELECT rowid FROM request_keys WHERE created_us < ? ORDER BY created_us LIMIT ?)",
        (before_us, MOST_FORGOTTEN),
    )


def _forget_ended_sessions(connection: apsw.Connection, *, before_us: int) -> None:
    connection.execute(
        "DELETE FROM sessions WHERE session_id IN"
        " (SELECT session_id FROM sessions WHERE expires_us < ? ORDER BY expires_us LIMIT ?)",
        (before_us, MOST_FORGOTTEN),
    )


def _forget_ended_tokens(connection: apsw.Connection, session_id: int, *, at_us: int) -> None:
    connection.execute(
        "DELETE FROM refresh_tokens WHERE token_hash IN"
        " (SELECT token_hash FROM refresh_tokens WHERE session_id = ? AND expires_us <= ? LIMIT ?)",
        (session_id, at_us, MOST_FORGOTTEN),
    )
