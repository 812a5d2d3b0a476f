"""Cassandra may do what it did not answer to. Which it was is looked up, by what would finish it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesh.errors import Unavailable
from mesh.storage.cassandra import Cassandra
from tests.conformance.user_store.cases import (
    DAY_US,
    HASH,
    KEY,
    NOW_US,
    Opened,
    an_account,
    an_event,
    create,
    on_cassandra,
    open_cassandra,
)
from tests.conformance.user_store.cut_off import CutOffCassandra, LosesAnswers, LosesCalls, StandsStillBefore
from user_svc.model import Claim, EmailTaken, ProfileChange, RefreshTokenInvalid, Session, UsernameTaken
from user_svc.store import SessionStore

SESSION = Session(session_id=100, user_id=1)
FIRST, SECOND, THIRD = b"1" * 32, b"2" * 32, b"3" * 32
CONDITIONS = ["usernames.claim", "emails.claim", "users.create"]


@pytest.fixture
async def cassandra(tmp_path: Path) -> AsyncIterator[Cassandra]:
    async with open_cassandra(tmp_path) as opened:
        assert isinstance(opened.engine, Cassandra)
        yield opened.engine


async def rotate(sessions: SessionStore, token: bytes, successor: bytes) -> Session:
    return await sessions.rotate(token, successor_hash=successor, expires_us=NOW_US + DAY_US, at_us=NOW_US)


async def log_in(opened: Opened) -> None:
    await opened.sessions.open_session(SESSION, token_hash=FIRST, expires_us=NOW_US + DAY_US, at_us=NOW_US)


@pytest.mark.parametrize("lossy", [LosesAnswers, LosesCalls])
async def test_a_key_whose_answer_is_lost_is_still_the_first(
    cassandra: Cassandra, lossy: type[LosesAnswers | LosesCalls]
) -> None:
    users = on_cassandra(lossy(cassandra, "request_keys.claim")).users
    claim = await users.claim(KEY, request_hash=HASH, candidate_id=1, at_us=NOW_US)
    assert claim == Claim(1, replayed=False)
    claim = await users.claim(KEY, request_hash=HASH, candidate_id=2, at_us=NOW_US)
    assert claim == Claim(1, replayed=True)


@pytest.mark.parametrize("lossy", [LosesAnswers, LosesCalls])
@pytest.mark.parametrize("lost", [*CONDITIONS, None])
async def test_a_sign_up_goes_on_after_an_answer_that_was_lost(
    cassandra: Cassandra, lossy: type[LosesAnswers | LosesCalls], lost: str | None
) -> None:
    names = CONDITIONS if lost is None else [lost]
    users, account = on_cassandra(lossy(cassandra, *names)).users, an_account(1)
    assert await users.create(account, announce=an_event(1), at_us=NOW_US) == account
    assert await users.by_usernames(["user_1"]) == {"user_1": account}
    assert await users.by_email(account.email) == account


async def test_a_lost_race_whose_answer_is_lost_leaves_the_name_with_the_winner(cassandra: Cassandra) -> None:
    winner = an_account(1, username="Ann")
    await create(on_cassandra(cassandra).users, winner)
    users = on_cassandra(LosesAnswers(cassandra, "usernames.claim")).users
    with pytest.raises(UsernameTaken):
        await create(users, an_account(2, username="ann", email="other@example.org"))
    assert await users.by_usernames(["ann"]) == {"ann": winner}


@pytest.mark.parametrize("before", ["emails.claim", "outbox.append", "users.create"])
async def test_a_sign_up_that_stood_still_while_its_name_was_taken_over_makes_no_account(
    cassandra: Cassandra, before: str
) -> None:
    first, newcomer = (an_account(number, username="Ann", email="ann@example.org") for number in (1, 2))

    async def take_over() -> None:
        made = await on_cassandra(cassandra).users.create(newcomer, announce=an_event(2), at_us=NOW_US + DAY_US)
        assert made == newcomer

    users = on_cassandra(StandsStillBefore(cassandra, before, take_over)).users
    with pytest.raises((UsernameTaken, EmailTaken)):
        await users.create(first, announce=an_event(1), at_us=NOW_US)
    assert await users.get_many([1, 2]) == {2: newcomer}
    assert await users.by_usernames(["ann"]) == {"ann": newcomer}
    assert await users.by_email("ann@example.org") == newcomer


async def test_a_name_is_not_taken_over_from_a_sign_up_that_ends_in_that_moment(cassandra: Cassandra) -> None:
    first, newcomer = (an_account(number, username="Ann", email="ann@example.org") for number in (1, 2))
    with pytest.raises(Unavailable):
        await create(on_cassandra(CutOffCassandra(cassandra, answered=5)).users, first)

    async def come_back() -> None:
        await create(on_cassandra(cassandra).users, first)

    users = on_cassandra(StandsStillBefore(cassandra, "users.give_up", come_back)).users
    with pytest.raises(UsernameTaken):
        await users.create(newcomer, announce=an_event(2), at_us=NOW_US + DAY_US)
    assert await users.get_many([1, 2]) == {1: first}
    assert await users.by_usernames(["ann"]) == {"ann": first}


async def test_an_exchange_whose_answer_is_lost_is_told_as_done(cassandra: Cassandra) -> None:
    await log_in(on_cassandra(cassandra))
    sessions = on_cassandra(LosesAnswers(cassandra, "sessions.exchange")).sessions
    assert await rotate(sessions, FIRST, SECOND) == SESSION
    assert await rotate(sessions, SECOND, THIRD) == SESSION


async def test_an_exchange_that_was_not_done_is_unknown_and_ends_nothing(cassandra: Cassandra) -> None:
    await log_in(on_cassandra(cassandra))
    sessions = on_cassandra(LosesCalls(cassandra, "sessions.exchange")).sessions
    with pytest.raises(Unavailable):
        await rotate(sessions, FIRST, SECOND)
    assert await rotate(sessions, FIRST, THIRD) == SESSION


async def test_a_token_that_comes_again_ends_its_session_also_when_that_answer_is_lost(cassandra: Cassandra) -> None:
    await log_in(on_cassandra(cassandra))
    sessions = on_cassandra(LosesAnswers(cassandra, "sessions.revoke")).sessions
    await rotate(sessions, FIRST, SECOND)
    with pytest.raises(Unavailable):
        await rotate(sessions, FIRST, THIRD)
    with pytest.raises(RefreshTokenInvalid):
        await rotate(sessions, SECOND, THIRD)


async def test_a_change_by_a_clock_that_is_behind_wins_over_what_was_stored(cassandra: Cassandra) -> None:
    users = on_cassandra(cassandra).users
    await create(users, an_account(1))
    for bio, at_us in (("second", NOW_US), ("third", NOW_US - 400 * DAY_US), ("fourth", NOW_US - 500 * DAY_US)):
        changed = await users.update(1, ProfileChange(bio=bio), announce=an_event(at_us), at_us=at_us)
        assert changed is not None
        assert (changed.bio, changed.updated_us) == (bio, at_us)
        assert await users.get_many([1]) == {1: changed}
