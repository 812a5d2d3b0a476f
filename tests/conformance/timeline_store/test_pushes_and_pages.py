"""What is pushed is found on pages, complete from the floor up."""

from __future__ import annotations

import asyncio

from tests.conformance.timeline_store.cases import ANN, BOB, CYD, ID, SMALL, Make, all_of, ids, ready
from timeline_svc.model import Status, TimelineLimits, TimelineState


async def test_a_push_to_an_absent_timeline_creates_nothing(make: Make) -> None:
    store = make(SMALL)
    assert await store.push(ID + 1, [ANN]) == 0
    assert await store.state(ANN) == TimelineState(Status.ABSENT)
    assert await store.page(ANN, below=0, limit=10) is None


async def test_a_push_reaches_every_timeline_that_exists(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 1)
    await ready(store, BOB)
    assert await store.push(ID + 2, [ANN, BOB, CYD]) == 2
    assert await all_of(store, ANN) == ids(2, 1)
    assert await all_of(store, BOB) == ids(2)


async def test_a_push_reaches_a_thousand_timelines(make: Make) -> None:
    store = make(SMALL)
    owners = list(range(1, 1_001))
    for owner_id in owners[:40]:
        await ready(store, owner_id)
    assert await store.push(ID + 2, owners) == 40
    for owner_id in owners[:40]:
        assert await all_of(store, owner_id) == ids(2)


async def test_a_repeated_push_changes_nothing(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 2, 1)
    assert await store.push(ID + 2, [ANN]) == 1
    assert await all_of(store, ANN) == ids(2, 1)


async def test_a_late_push_takes_its_place_in_the_order(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 5, 1)
    await store.push(ID + 3, [ANN])
    assert await all_of(store, ANN) == ids(5, 3, 1)


async def test_ids_of_any_size_are_in_their_order(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN)
    for tweet_id in (ID, 1, 2**63 - 1, 10**17, 99):
        assert await store.push(tweet_id, [ANN]) == 1
    assert await all_of(store, ANN) == [2**63 - 1, ID, 10**17, 99, 1]
    page = await store.page(ANN, below=10**17, limit=1)
    assert page is not None
    assert page.ids == [99]


async def test_a_push_below_the_floor_is_not_taken(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 9, 5, floor=ID + 5)
    assert await store.push(ID + 4, [ANN]) == 0
    assert await all_of(store, ANN) == ids(9, 5)
    assert await store.push(ID + 5, [ANN]) == 1


async def test_a_late_push_below_a_trim_is_not_taken(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, *range(20, 6, -1))
    assert await store.push(ID + 2, [ANN]) == 0
    assert await all_of(store, ANN) == ids(*range(20, 10, -1))


async def test_a_trim_keeps_the_newest_and_moves_the_floor(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, *range(10, 0, -1))
    for number in (11, 12, 13):
        await store.push(ID + number, [ANN])
    assert await store.state(ANN) == TimelineState(Status.READY, 0)
    await store.push(ID + 14, [ANN])
    assert await store.state(ANN) == TimelineState(Status.READY, ID + 5)
    assert await all_of(store, ANN) == ids(*range(14, 4, -1))


async def test_removals_after_a_trim_do_not_lower_the_floor(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, *range(20, 6, -1))
    await store.remove(ids(*range(20, 10, -1)), ANN)
    assert await store.state(ANN) == TimelineState(Status.READY, ID + 11)
    assert await all_of(store, ANN) == []


async def test_pages_walk_down_without_repeats_or_gaps(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, *range(7, 0, -1))
    walked, below = [], 0
    for _ in range(4):
        page = await store.page(ANN, below=below, limit=2)
        assert page is not None
        walked += page.ids
        below = page.covers_to
        if not below:
            break
    assert walked == ids(*range(7, 0, -1))


async def test_a_page_says_how_far_down_it_is_complete(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 7, 6, 5, floor=ID + 3)
    full = await store.page(ANN, below=0, limit=2)
    short = await store.page(ANN, below=ID + 6, limit=2)
    assert full is not None
    assert short is not None
    assert (full.ids, full.covers_to) == (ids(7, 6), ID + 6)
    assert (short.ids, short.covers_to) == (ids(5), ID + 3)


async def test_a_page_below_the_floor_is_empty(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 7, 6, floor=ID + 6)
    page = await store.page(ANN, below=ID + 6, limit=5)
    assert page is not None
    assert (page.ids, page.covers_to) == ([], ID + 6)


async def test_pages_of_many_are_those_of_each(make: Make) -> None:
    store = make(SMALL)
    await ready(store, ANN, 3, 2, 1)
    await ready(store, BOB, 9, 8, floor=ID + 8)
    many = await store.pages([ANN, BOB, CYD], below=ID + 9, limit=2)
    assert many == {
        ANN: await store.page(ANN, below=ID + 9, limit=2),
        BOB: await store.page(BOB, below=ID + 9, limit=2),
    }


async def test_many_at_once_do_not_disturb_each_other(make: Make) -> None:
    store = make(TimelineLimits())
    await ready(store, ANN)
    await asyncio.gather(*(store.push(ID + number, [ANN, BOB]) for number in range(200)))
    assert await all_of(store, ANN) == ids(*range(199, -1, -1))
