"""What TweetStore promises when calls race: repeats of one post, and a delete among them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.conformance.tweet_store.cases import (
    BOB,
    HASH,
    ID,
    KEY,
    NOW_US,
    OTHER_HASH,
    Open,
    a_tweet,
    delete,
    insert,
    newest,
)
from tweet_svc.model import Claim, RequestIdReused
from tweet_svc.store import TweetStore


async def post(store: TweetStore, number: int) -> Claim:
    """Claim and insert, as a handler does."""
    claim = await store.claim(KEY, request_hash=HASH, candidate_id=ID + number, at_us=NOW_US)
    await insert(store, a_tweet(claim.tweet_id - ID))
    return claim


async def test_eight_repeats_make_one_tweet_and_seven_hear_of_it(open_backend: Open, tmp_path: Path) -> None:
    async with open_backend(tmp_path) as one, open_backend(tmp_path) as other:
        claims = await asyncio.gather(*(post(opened.store, n) for n, opened in enumerate([one, other] * 4, start=1)))
        first = next(claim.tweet_id for claim in claims if not claim.replayed)
        assert [claim for claim in claims if claim.replayed] == [Claim(first, replayed=True)] * 7
        assert await newest(one.store) == [first - ID]
        assert await other.store.get_many([ID + n for n in range(1, 9)]) == {first: a_tweet(first - ID)}
        assert set(await one.announced()) == {first}


async def test_of_two_requests_under_one_key_one_is_refused(open_backend: Open, tmp_path: Path) -> None:
    async with open_backend(tmp_path) as one, open_backend(tmp_path) as other:
        claims = [
            opened.store.claim(KEY, request_hash=request_hash, candidate_id=number, at_us=NOW_US)
            for number, (opened, request_hash) in enumerate([(one, HASH), (other, OTHER_HASH)], start=1)
        ]
        answers = await asyncio.gather(*claims, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Claim, RequestIdReused}


async def test_a_delete_among_repeated_inserts_is_not_undone(open_backend: Open, tmp_path: Path) -> None:
    reply = a_tweet(2, answers=1)
    async with open_backend(tmp_path) as one, open_backend(tmp_path) as other:
        await insert(one.store, a_tweet(1, by=BOB), reply)
        both = [one.store, other.store] * 4
        await asyncio.gather(*(insert(store, reply) for store in both), *(delete(store, reply) for store in both))
        await insert(other.store, reply)
        for store in (one.store, other.store):
            found = (await store.get_many([reply.tweet_id]))[reply.tweet_id]
            assert (found.is_deleted, found.content) == (True, "")
            assert await newest(store) == []
            assert await store.list_reply_ids(ID + 1, below=0, limit=5) == []
