"""What TweetStore.claim promises."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from mesh.errors import InvalidArgument
from tests.conformance.tweet_store.cases import BOB, HASH, HOUR_US, KEY, NOW_US, OTHER_HASH, Open
from tweet_svc.model import Claim, RequestIdReused
from tweet_svc.store import TweetStore


async def test_the_first_call_for_a_key_stores_the_candidate(store: TweetStore) -> None:
    claim = await store.claim(KEY, request_hash=HASH, candidate_id=1, at_us=NOW_US)
    assert claim == Claim(1, replayed=False)


async def test_every_later_call_returns_the_stored_id(store: TweetStore) -> None:
    await store.claim(KEY, request_hash=HASH, candidate_id=1, at_us=NOW_US)
    for candidate_id in (2, 3, 1):
        claim = await store.claim(KEY, request_hash=HASH, candidate_id=candidate_id, at_us=NOW_US)
        assert claim == Claim(1, replayed=True)


async def test_a_key_is_kept_for_24_hours_while_others_come(store: TweetStore) -> None:
    await store.claim(KEY, request_hash=HASH, candidate_id=1, at_us=NOW_US)
    for number in range(24):
        other = replace(KEY, key=f"other-{number}")
        await store.claim(other, request_hash=HASH, candidate_id=100 + number, at_us=NOW_US + number * HOUR_US)
    claim = await store.claim(KEY, request_hash=HASH, candidate_id=2, at_us=NOW_US + 24 * HOUR_US)
    assert claim == Claim(1, replayed=True)


async def test_a_key_outlives_a_restart(open_backend: Open, tmp_path: Path) -> None:
    async with open_backend(tmp_path) as before:
        await before.store.claim(KEY, request_hash=HASH, candidate_id=1, at_us=NOW_US)
    async with open_backend(tmp_path) as after:
        claim = await after.store.claim(KEY, request_hash=HASH, candidate_id=2, at_us=NOW_US)
    assert claim == Claim(1, replayed=True)


async def test_calls_at_the_same_time_agree_on_one_id(open_backend: Open, tmp_path: Path) -> None:
    async with open_backend(tmp_path) as one, open_backend(tmp_path) as other:
        claims = await asyncio.gather(
            *(
                opened.store.claim(KEY, request_hash=HASH, candidate_id=candidate_id, at_us=NOW_US)
                for candidate_id, opened in enumerate([one, other] * 4, start=1)
            )
        )
    assert len({claim.tweet_id for claim in claims}) == 1
    assert [claim.replayed for claim in claims].count(False) == 1


@pytest.mark.parametrize("other", [replace(KEY, user_id=BOB), replace(KEY, method="Retweet"), replace(KEY, key="2")])
async def test_keys_of_other_users_and_methods_are_other_keys(store: TweetStore, other: object) -> None:
    assert isinstance(other, type(KEY))
    await store.claim(KEY, request_hash=HASH, candidate_id=1, at_us=NOW_US)
    claim = await store.claim(other, request_hash=OTHER_HASH, candidate_id=2, at_us=NOW_US)
    assert claim == Claim(2, replayed=False)


async def test_another_request_under_the_same_key_is_refused_and_changes_nothing(store: TweetStore) -> None:
    await store.claim(KEY, request_hash=HASH, candidate_id=1, at_us=NOW_US)
    with pytest.raises(RequestIdReused) as refused:
        await store.claim(KEY, request_hash=OTHER_HASH, candidate_id=2, at_us=NOW_US)
    assert isinstance(refused.value, InvalidArgument)
    assert refused.value.violations[0].field == "requestId"
    assert await store.claim(KEY, request_hash=HASH, candidate_id=3, at_us=NOW_US) == Claim(1, replayed=True)
