"""Everybody likes one tweet at once, in four processes: what is counted in the end is what is there."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

from engagement_svc.store import EngagementStore
from tests.conformance.engagement_store.backends import Backend
from tests.conformance.engagement_store.cases import NOW, TWEET, engagement, like, likers

LIKERS = range(1, 201)


async def assert_exact(backend: Backend, expected: set[int] | None = None) -> None:
    """Every process counts, lists and shows the same."""
    listed = await likers(backend.store, TWEET)
    assert expected is None or set(listed) == expected
    for store in backend.stores:
        assert (await engagement(store, TWEET)).likes_count == len(listed)
    for user_id in LIKERS:
        assert (await engagement(backend.second, TWEET, viewer_id=user_id)).is_liked == (user_id in listed)
    assert await backend.store.drifts() == []


async def test_each_with_repeats_and_second_thoughts(backend: Backend) -> None:
    async def liker(user_id: int) -> bool:
        random = Random(user_id)
        is_liked = False
        for step in range(random.randint(1, 4)):
            store = random.choice(backend.stores)
            if step == 0 or random.random() < 0.6:
                await like(store, user_id, TWEET, edge_id=user_id * 10 + step)
                is_liked = True
            else:
                await store.unlike(user_id, TWEET, now_us=NOW)
                is_liked = False
        return is_liked

    ends = await asyncio.gather(*map(liker, LIKERS))
    await assert_exact(backend, {user_id for user_id, is_liked in zip(LIKERS, ends, strict=True) if is_liked})


async def test_each_racing_with_itself(backend: Backend) -> None:
    async def unlike(store: EngagementStore, user_id: int) -> None:
        await store.unlike(user_id, TWEET, now_us=NOW)

    first, second, third, fourth = backend.stores
    calls: list[Coroutine[Any, Any, object]] = []
    for user_id in LIKERS:
        calls += [
            like(first, user_id, TWEET, edge_id=user_id * 10),
            like(second, user_id, TWEET, edge_id=user_id * 10 + 1),
        ]
        calls += [unlike(third, user_id), unlike(fourth, user_id)]
    Random(7).shuffle(calls)
    await asyncio.gather(*calls)
    await assert_exact(backend)
