"""A timeline is absent, being built, or ready; only the newest builder finishes."""

from __future__ import annotations

from datetime import timedelta

from tests.conformance.timeline_store.cases import ANN, BOB, BRIEF, ID, SMALL, Make, all_of, ids, ready
from tests.support.wait_until import wait_until
from timeline_svc.model import Status, TimelineLimits, TimelineState


async def test_what_was_never_built_is_absent(make: Make) -> None:
    store = make(SMALL)
    assert await store.state(ANN) == TimelineState(Status.ABSENT)
    assert await store.page(ANN, below=0, limit=10) is None
    assert await store.pages([ANN, BOB], below=0, limit=10) == {}


async def test_a_finished_build_is_ready_down_to_its_floor(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 5, 4, 3, floor=ID + 2)
    assert await store.state(ANN) == TimelineState(Status.READY, ID + 2)
    assert await all_of(store, ANN) == ids(5, 4, 3)


async def test_a_build_keeps_nothing_below_its_floor(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 5, 4, 3, floor=ID + 4)
    assert await all_of(store, ANN) == ids(5, 4)


async def test_a_build_may_be_empty(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN)
    page = await store.page(ANN, below=0, limit=10)
    assert page is not None
    assert page.ids == []
    assert page.is_last


async def test_a_timeline_being_built_is_not_read(make: Make) -> None:
    store = make(SMALL)
    await store.begin_build(ANN)
    await store.push(ID + 1, [ANN])
    assert await store.state(ANN) == TimelineState(Status.BUILDING)
    assert await store.page(ANN, below=0, limit=10) is None
    assert await store.page(ANN, below=ID + 5, limit=10) is None
    assert await store.pages([ANN], below=0, limit=10) == {}


async def test_a_push_while_building_is_kept(make: Make) -> None:
    store = make(SMALL)
    generation = await store.begin_build(ANN)
    assert generation
    assert await store.push(ID + 9, [ANN]) == 1
    assert await store.finish_build(ANN, generation, ids(3, 2), floor=0)
    assert await all_of(store, ANN) == ids(9, 3, 2)


async def test_a_push_while_building_is_cut_at_the_floor(make: Make) -> None:
    store = make(SMALL)
    generation = await store.begin_build(ANN)
    assert generation
    await store.push(ID + 1, [ANN])
    await store.finish_build(ANN, generation, ids(3, 2), floor=ID + 2)
    assert await all_of(store, ANN) == ids(3, 2)


async def test_pushes_while_building_are_trimmed_when_it_is_ready(make: Make) -> None:
    store = make(SMALL)
    generation = await store.begin_build(ANN)
    assert generation
    for number in range(1, 21):
        assert await store.push(ID + number, [ANN]) == 1
    assert await store.state(ANN) == TimelineState(Status.BUILDING)
    assert await store.finish_build(ANN, generation, [], floor=0)
    assert await store.state(ANN) == TimelineState(Status.READY, ID + 11)
    assert await all_of(store, ANN) == ids(*range(20, 10, -1))


async def test_only_one_builds_at_a_time(make: Make) -> None:
    store = make(SMALL)
    assert await store.begin_build(ANN)
    assert await store.begin_build(ANN) is None
    assert await store.begin_build(BOB)


async def test_what_is_ready_is_not_built_again(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 1)
    assert await store.begin_build(ANN) is None
    assert await all_of(store, ANN) == ids(1)


async def test_a_build_that_was_dropped_does_not_finish(make: Make) -> None:
    store = make(SMALL)
    first = await store.begin_build(ANN)
    assert first
    await store.drop(ANN)
    assert not await store.finish_build(ANN, first, ids(1), floor=0)
    assert await store.state(ANN) == TimelineState(Status.ABSENT)
    second = await store.begin_build(ANN)
    assert second
    assert not await store.finish_build(ANN, first, ids(1), floor=0)
    assert await store.finish_build(ANN, second, ids(2), floor=0)
    assert await all_of(store, ANN) == ids(2)


async def test_a_slow_build_is_taken_over_and_cannot_finish(make: Make) -> None:
    store = make(TimelineLimits(build_taken_over=timedelta(milliseconds=50)))
    first = await store.begin_build(ANN)
    assert first
    taken: list[str] = []

    async def takes_over() -> bool:
        taken.extend(filter(None, [await store.begin_build(ANN)]))
        return bool(taken)

    await wait_until(takes_over, at_most=5)
    assert not await store.finish_build(ANN, first, ids(1), floor=0)
    assert await store.finish_build(ANN, taken[0], ids(2), floor=0)
    assert await all_of(store, ANN) == ids(2)


async def test_a_build_that_nobody_finishes_vanishes(make: Make) -> None:
    store = make(BRIEF)
    assert await store.begin_build(ANN)
    await store.push(ID + 1, [ANN])

    async def is_absent() -> bool:
        return (await store.state(ANN)).status is Status.ABSENT

    await wait_until(is_absent, at_most=5)


async def test_a_finished_build_outlives_the_time_of_building(make: Make) -> None:
    store = make(BRIEF)
    await ready(store, ANN, 1)
    await store.begin_build(BOB)

    async def is_absent() -> bool:
        return (await store.state(BOB)).status is Status.ABSENT

    await wait_until(is_absent, at_most=5)
    assert await all_of(store, ANN) == ids(1)


async def test_a_dropped_timeline_is_absent(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 1)
    await store.drop(ANN)
    await store.drop(BOB)
    assert await store.state(ANN) == TimelineState(Status.ABSENT)
