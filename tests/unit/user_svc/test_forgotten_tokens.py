"""A session that goes on for ever does not grow for ever: exchanged tokens go once they are past their own end."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from mesh.storage.sqlite import open_database
from user_svc.model import RefreshTokenInvalid, Session
from user_svc.store.sqlite import SqliteSessionStore

DAY_US = 86_400_000_000
LIFETIME_US = 30 * DAY_US


def token_of(day: int) -> bytes:
    return hashlib.sha256(b"%d" % day).digest()


async def test_a_session_keeps_the_tokens_of_its_last_30_days_and_one_of_them_again_revokes_it(tmp_path: Path) -> None:
    schema = files("user_svc.store") / "schema" / "sqlite"
    async with open_database(tmp_path / "user_svc.db", component="user", schema=schema) as database:
        sessions = SqliteSessionStore(database)
        for session_id, first in ((1, token_of(0)), (2, b"another's")):
            await sessions.open_session(Session(session_id, 7), token_hash=first, expires_us=LIFETIME_US, at_us=0)
        for day in range(1, 101):
            at_us = day * DAY_US
            await sessions.rotate(
                token_of(day - 1), successor_hash=token_of(day), expires_us=at_us + LIFETIME_US, at_us=at_us
            )
        kept: list[tuple[Any, ...]] = database.read(
            lambda connection: connection.execute("SELECT token_hash FROM refresh_tokens").fetchall()
        )
        assert {row[0] for row in kept} == {b"another's", *(token_of(day) for day in range(71, 101))}
        for day in (70, 71, 100):
            with pytest.raises(RefreshTokenInvalid):
                await sessions.rotate(token_of(day), successor_hash=b"x", expires_us=0, at_us=100 * DAY_US)
