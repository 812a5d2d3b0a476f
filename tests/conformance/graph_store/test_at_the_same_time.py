"""Many at once, and calls whose outcome nobody heard: in the end counts and lists are the edges."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from graph_svc.author_class import Stage
from graph_svc.model import GraphCounts
from graph_svc.store import GraphStore
from mesh.errors import Unavailable
from tests.conformance.graph_store.backends import Backend
from tests.conformance.graph_store.cases import (
    ANN,
    BOB,
    EVE,
    NOW,
    at_stage,
    events,
    follow,
    followers,
    following,
    indexed,
    unfollow,
)

T = TypeVar("T")
MOST_REPEATS = 20


async def heard(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call until its outcome is known, as clients and workers do."""
    for _ in range(MOST_REPEATS):
        try:
            return await call()
        except Unavailable:
            continue
    return await call()


async def begin(store: GraphStore, pair: tuple[int, int], *, now_us: int = NOW) -> None:
    await heard(lambda: follow(store, *pair, now_us=now_us))


async def end(store: GraphStore, pair: tuple[int, int], *, now_us: int = NOW) -> None:
    await heard(lambda: unfollow(store, *pair, now_us=now_us))


async def complete(store: GraphStore, pair: tuple[int, int]) -> None:
    """What the event of the last change does."""
    await heard(lambda: store.complete(*pair, op_time_us=NOW))


@pytest.mark.parametrize("is_pulled", [False, True])
async def test_eight_who_begin_and_end_one_follow_leave_counts_and_lists_as_the_edge(
    backend: Backend, is_pulled: bool
) -> None:
    if is_pulled:
        await indexed(backend.store, BOB)

    async def flap(number: int) -> None:
        store = (backend.store, backend.second)[number % 2]
        for step in range(3):
            change = (begin, end)[(number // 2 + step) % 2]
            await change(store, (ANN, BOB), now_us=NOW + step)

    await asyncio.gather(*(flap(number) for number in range(8)))
    await complete(backend.second, (ANN, BOB))
    is_live = (await backend.store.relationships(ANN, [BOB]))[0].is_following
    assert await followers(backend.store, BOB) == ([ANN] if is_live else [])
    assert await following(backend.store, ANN) == ([BOB] if is_live else [])
    assert await backend.store.pulled_authors(ANN) == ([BOB] if is_live and is_pulled else [])
    counts = await backend.store.counts([ANN, BOB])
    assert (counts[ANN].following_count, counts[BOB].followers_count) == (is_live, is_live)
    assert await backend.store.drifts() == []


async def test_fifty_who_follow_one_author_at_once_are_counted_once_each(backend: Backend) -> None:
    many = range(1, 51)
    stores = [backend.store, backend.second] * 25
    await asyncio.gather(*(begin(store, (n, EVE)) for n, store in zip(many, stores, strict=True)))
    await asyncio.gather(*(end(backend.second, (n, EVE)) for n in many[::5]))
    await asyncio.gather(*(complete(backend.store, (n, EVE)) for n in many))
    left = [n for n in many if n not in many[::5]]
    assert await backend.store.counts([EVE]) == {EVE: GraphCounts(len(left), 0)}
    assert await followers(backend.store, EVE) == left[::-1]
    assert await backend.store.drifts() == []


async def test_a_follow_that_was_written_unheard_is_returned_and_counted_by_its_repeat(backend: Backend) -> None:
    with pytest.raises(Unavailable):
        await follow(backend.unheard, ANN, BOB, edge_id=7)
    edge = await follow(backend.second, ANN, BOB, edge_id=8, now_us=NOW + 10)
    assert (edge.edge_id, edge.op_time_us) == (7, NOW)
    assert await backend.store.counts([ANN, BOB]) == {ANN: GraphCounts(0, 1), BOB: GraphCounts(1, 0)}
    assert await events(backend) == [f"{ANN} {BOB} began {NOW} 7"]
    assert await backend.store.drifts() == []


async def test_an_end_that_was_written_unheard_is_returned_and_counted_by_its_repeat(backend: Backend) -> None:
    await follow(backend.store, ANN, BOB, edge_id=7)
    with pytest.raises(Unavailable):
        await unfollow(backend.unheard, ANN, BOB)
    edge = await unfollow(backend.second, ANN, BOB, now_us=NOW + 10)
    assert edge is not None
    assert edge.op_time_us == NOW + 1
    assert await backend.store.counts([ANN, BOB]) == {ANN: GraphCounts(), BOB: GraphCounts()}
    assert len(await events(backend)) == 2
    assert await backend.store.drifts() == []


async def test_what_was_written_unheard_is_completed_for_its_event(backend: Backend) -> None:
    await at_stage(backend.store, BOB, Stage.INDEXING)
    with pytest.raises(Unavailable):
        await follow(backend.unheard, ANN, BOB)
    await backend.second.complete(ANN, BOB, op_time_us=NOW)
    counts = await backend.store.counts([ANN, BOB])
    assert (counts[ANN].following_count, counts[BOB].followers_count) == (1, 1)
    assert await backend.store.pulled_authors(ANN) == [BOB]


async def test_completing_again_changes_nothing(backend: Backend) -> None:
    await follow(backend.store, ANN, BOB)
    version = await backend.store.follows_version(ANN)
    for store in (backend.store, backend.second):
        await store.complete(ANN, BOB, op_time_us=NOW)
    assert await backend.store.counts([ANN, BOB]) == {ANN: GraphCounts(0, 1), BOB: GraphCounts(1, 0)}
    assert await backend.store.follows_version(ANN) == version
