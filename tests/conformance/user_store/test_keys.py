"""What UserStore.claim promises."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance.user_store.cases import HASH, HOUR_US, KEY, NOW_US, OTHER_HASH, Open
from user_svc.model import Claim, RequestIdReused
from user_svc.store import UserStore


async def test_the_first_call_for_a_key_stores_the_candidate(users: UserStore) -> None:
    claim = await users.claim(KEY, request_hash=HASH, candidate_id=1, at_us=NOW_US)
    assert claim == Claim(1, replayed=False)


async def test_every_later_call_returns_the_stored_id(users: UserStore) -> None:
    await users.claim(KEY, request_hash=HASH, candidate_id=1, at_us=NOW_US)
    for candidate_id in (2, 3):
        claim = await users.claim(KEY, request_hash=HASH, candidate_id=candidate_id, at_us=NOW_US)
        assert claim == Claim(1, replayed=True)


async def test_a_key_is_kept_for_24_hours_while_others_come(users: UserStore) -> None:
    await users.claim(KEY, request_hash=HASH, candidate_id=1, at_us=NOW_US)
    for number in range(24):
        other = replace(KEY, key=f"other-{number}")
        await users.claim(other, request_hash=HASH, candidate_id=100 + number, at_us=NOW_US + number * HOUR_US)
    claim = await users.claim(KEY, request_hash=HASH, candidate_id=2, at_us=NOW_US + 24 * HOUR_US)
    assert claim == Claim(1, replayed=True)


async def test_a_key_outlives_a_restart(open_backend: Open, tmp_path: Path) -> None:
    async with open_backend(tmp_path) as before:
        await before.users.claim(KEY, request_hash=HASH, candidate_id=1, at_us=NOW_US)
    async with open_backend(tmp_path) as after:
        claim = await after.users.claim(KEY, request_hash=HASH, candidate_id=2, at_us=NOW_US)
    assert claim == Claim(1, replayed=True)


async def test_calls_at_the_same_time_agree_on_one_id(open_backend: Open, tmp_path: Path) -> None:
    async with open_backend(tmp_path) as one, open_backend(tmp_path) as other:
        claims = await asyncio.gather(
            *(
                opened.users.claim(KEY, request_hash=HASH, candidate_id=candidate_id, at_us=NOW_US)
                for candidate_id, opened in enumerate([one, other] * 4, start=1)
            )
        )
    assert len({claim.user_id for claim in claims}) == 1
    assert [claim.replayed for claim in claims].count(False) == 1


async def test_keys_of_other_usernames_are_other_keys(users: UserStore) -> None:
    await users.claim(KEY, request_hash=HASH, candidate_id=1, at_us=NOW_US)
    for candidate_id, other in ((2, replace(KEY, username="Bob")), (3, replace(KEY, key="key-2"))):
        claim = await users.claim(other, request_hash=OTHER_HASH, candidate_id=candidate_id, at_us=NOW_US)
        assert claim == Claim(candidate_id, replayed=False)


async def test_the_case_of_the_username_does_not_count(users: UserStore) -> None:
    await users.claim(KEY, request_hash=HASH, candidate_id=1, at_us=NOW_US)
    claim = await users.claim(replace(KEY, username="ANN"), request_hash=HASH, candidate_id=2, at_us=NOW_US)
    assert claim == Claim(1, replayed=True)


async def test_another_request_under_the_same_key_is_refused_and_changes_nothing(users: UserStore) -> None:
    await users.claim(KEY, request_hash=HASH, candidate_id=1, at_us=NOW_US)
    with pytest.raises(RequestIdReused):
        await users.claim(KEY, request_hash=OTHER_HASH, candidate_id=2, at_us=NOW_US)
    assert await users.claim(KEY, request_hash=HASH, candidate_id=3, at_us=NOW_US) == Claim(1, replayed=True)
