"""What SessionStore promises: a refresh token is exchanged once, and a second time ends its session."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conformance.user_store.cases import DAY_US, NOW_US, Open
from user_svc.model import RefreshTokenExpired, RefreshTokenInvalid, Session
from user_svc.store import SessionStore

SESSION = Session(session_id=100, user_id=1)
FIRST, SECOND, THIRD, OTHER = b"1" * 32, b"2" * 32, b"3" * 32, b"9" * 32


async def log_in(sessions: SessionStore, session: Session = SESSION, token: bytes = FIRST) -> None:
    await sessions.open_session(session, token_hash=token, expires_us=NOW_US + 30 * DAY_US, at_us=NOW_US)


async def rotate(sessions: SessionStore, token: bytes, successor: bytes, *, at_us: int = NOW_US) -> Session:
    return await sessions.rotate(token, successor_hash=successor, expires_us=at_us + 30 * DAY_US, at_us=at_us)


async def test_a_token_is_exchanged_for_its_successor(sessions: SessionStore) -> None:
    await log_in(sessions)
    assert await rotate(sessions, FIRST, SECOND) == SESSION
    assert await rotate(sessions, SECOND, THIRD) == SESSION


async def test_a_token_that_was_exchanged_before_revokes_its_session(sessions: SessionStore) -> None:
    await log_in(sessions)
    await rotate(sessions, FIRST, SECOND)
    with pytest.raises(RefreshTokenInvalid):
        await rotate(sessions, FIRST, b"x" * 32)
    for token in (SECOND, FIRST, b"x" * 32):
        with pytest.raises(RefreshTokenInvalid):
            await rotate(sessions, token, THIRD)


async def test_other_sessions_of_the_same_user_stay(sessions: SessionStore) -> None:
    other = Session(session_id=101, user_id=1)
    await log_in(sessions)
    await log_in(sessions, other, OTHER)
    await rotate(sessions, FIRST, SECOND)
    with pytest.raises(RefreshTokenInvalid):
        await rotate(sessions, FIRST, THIRD)
    assert await rotate(sessions, OTHER, b"8" * 32) == other


async def test_an_unknown_token_is_invalid_and_changes_nothing(sessions: SessionStore) -> None:
    await log_in(sessions)
    with pytest.raises(RefreshTokenInvalid):
        await rotate(sessions, OTHER, SECOND)
    assert await rotate(sessions, FIRST, SECOND) == SESSION


async def test_a_token_past_its_end_is_expired_and_changes_nothing(sessions: SessionStore) -> None:
    await log_in(sessions)
    with pytest.raises(RefreshTokenExpired):
        await rotate(sessions, FIRST, SECOND, at_us=NOW_US + 30 * DAY_US)
    assert await rotate(sessions, FIRST, SECOND, at_us=NOW_US + 30 * DAY_US - 1) == SESSION


async def test_a_successor_has_an_end_of_its_own(sessions: SessionStore) -> None:
    await log_in(sessions)
    await rotate(sessions, FIRST, SECOND, at_us=NOW_US + 29 * DAY_US)
    assert await rotate(sessions, SECOND, THIRD, at_us=NOW_US + 58 * DAY_US) == SESSION


async def test_of_exchanges_at_the_same_time_one_wins(open_backend: Open, tmp_path: Path) -> None:
    async with open_backend(tmp_path) as one, open_backend(tmp_path) as other:
        await log_in(one.sessions)
        outcomes = await asyncio.gather(
            *(rotate(opened.sessions, FIRST, bytes([number]) * 32) for number, opened in enumerate([one, other] * 3)),
            return_exceptions=True,
        )
    assert outcomes.count(SESSION) == 1
    assert sum(isinstance(outcome, RefreshTokenInvalid) for outcome in outcomes) == 5


async def test_sessions_outlive_a_restart_and_the_logins_of_others(open_backend: Open, tmp_path: Path) -> None:
    async with open_backend(tmp_path) as before:
        await log_in(before.sessions)
        for number in range(20):
            await log_in(before.sessions, Session(200 + number, 2), bytes([100 + number]) * 32)
    async with open_backend(tmp_path) as after:
        assert await rotate(after.sessions, FIRST, SECOND) == SESSION
