"""Backfill and removal of an author keep a timeline complete from its floor up."""

from __future__ import annotations

from tests.conformance.timeline_store.cases import ANN, BOB, CYD, ID, SMALL, Make, all_of, ids, ready
from timeline_svc.model import Status, TimelineLimits, TimelineState


async def test_a_merge_adds_an_authors_ids(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 6, 2)
    assert await store.merge(ids(5, 3), [ANN], complete_from=0) == frozenset()
    assert await all_of(store, ANN) == ids(6, 5, 3, 2)
    assert await store.state(ANN) == TimelineState(Status.READY, 0)


async def test_a_merge_that_is_cut_raises_the_floor(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 6, 4, 2)
    await store.merge(ids(7, 5), [ANN], complete_from=ID + 5)
    assert await store.state(ANN) == TimelineState(Status.READY, ID + 5)
    assert await all_of(store, ANN) == ids(7, 6, 5)


async def test_a_merge_takes_nothing_below_the_floor(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 6, 4, floor=ID + 4)
    await store.merge(ids(5, 3), [ANN], complete_from=ID + 1)
    assert await store.state(ANN) == TimelineState(Status.READY, ID + 4)
    assert await all_of(store, ANN) == ids(6, 5, 4)


async def test_a_merge_is_trimmed(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, *range(8, 0, -1))
    await store.merge(ids(*range(16, 8, -1)), [ANN], complete_from=0)
    assert await store.state(ANN) == TimelineState(Status.READY, ID + 7)
    assert await all_of(store, ANN) == ids(*range(16, 6, -1))


async def test_a_merge_leaves_what_is_being_built_and_says_so(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN)
    generation = await store.begin_build(BOB)
    assert generation
    assert await store.merge(ids(5), [ANN, BOB, CYD], complete_from=0) == frozenset({BOB})
    assert await store.finish_build(BOB, generation, ids(1), floor=0)
    assert await all_of(store, ANN) == ids(5)
    assert await all_of(store, BOB) == ids(1)
    assert await store.state(CYD) == TimelineState(Status.ABSENT)


async def test_a_merge_of_many_ids_into_many_timelines_reaches_all(make: Make) -> None:
    store = make(TimelineLimits())
    owners = list(range(1, 61))
    for owner_id in owners:
        await ready(store, owner_id, 900)
    numbers = list(range(799, -1, -1))
    await store.merge(ids(*numbers), owners, complete_from=0)
    for owner_id in owners:
        assert await all_of(store, owner_id) == ids(900, *numbers)


async def test_an_unmerge_takes_ids_out_and_leaves_the_floor(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 6, 5, 4, floor=ID + 4)
    assert await store.unmerge(ids(6, 4, 1), ANN)
    assert await all_of(store, ANN) == ids(5)
    assert await store.state(ANN) == TimelineState(Status.READY, ID + 4)


async def test_an_unmerge_of_nothing_or_nowhere_is_done(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 1)
    assert await store.unmerge([], ANN)
    assert await store.unmerge(ids(1), BOB)
    assert await all_of(store, ANN) == ids(1)
    assert await store.state(BOB) == TimelineState(Status.ABSENT)


async def test_an_unmerge_leaves_what_is_being_built_and_says_so(make: Make) -> None:
    store = make(SMALL)
    generation = await store.begin_build(ANN)
    assert generation
    await store.push(ID + 1, [ANN])
    assert not await store.unmerge(ids(1), ANN)
    assert not await store.unmerge([], ANN)
    await store.finish_build(ANN, generation, [], floor=0)
    assert await all_of(store, ANN) == ids(1)


async def test_deleted_ids_leave_whatever_the_state(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 3, 2, 1)
    generation = await store.begin_build(BOB)
    assert generation
    await store.push(ID + 2, [BOB])
    for owner_id in (ANN, BOB, CYD):
        await store.remove(ids(2, 7), owner_id)
    await store.remove([], ANN)
    await store.finish_build(BOB, generation, ids(1), floor=0)
    assert await all_of(store, ANN) == ids(3, 1)
    assert await all_of(store, BOB) == ids(1)
    assert await store.state(CYD) == TimelineState(Status.ABSENT)
