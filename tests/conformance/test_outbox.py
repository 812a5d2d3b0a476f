"""The promises of the outbox table, on every backend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from mesh.clock import FrozenClock, SystemClock
from mesh.events.interface import Outbox, Place
from tests.support.outboxes import BACKENDS, StoredOutbox, a_tweet_created, bury, place_of, sqlite_outbox

LONG = timedelta(seconds=10)
NOW_US = FrozenClock().now_us()
UNKNOWN = Place(99, 99)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(params=BACKENDS)
async def stored(request: pytest.FixtureRequest, tmp_path: Path, clock: FrozenClock) -> AsyncIterator[StoredOutbox]:
    async with BACKENDS[request.param](tmp_path, clock) as opened:
        yield opened


async def waiting(outbox: Outbox, *, after: int = 0, limit: int = 100) -> list[int]:
    return [row.event.event_id for row in await outbox.pending(after=after, limit=limit)]


async def test_an_appended_event_waits_as_it_was_written(stored: StoredOutbox) -> None:
    event = a_tweet_created(7)
    await stored.append(event, at_us=NOW_US + 1_234)
    [row] = await stored.outbox.pending(after=0, limit=10)
    assert (row.event, row.created_us, row.dead_group) == (event, NOW_US + 1_234, "")
    assert await stored.outbox.at(row.place) == row


async def test_events_wait_in_the_order_of_their_commits_and_not_of_their_ids(stored: StoredOutbox) -> None:
    for event_id in (30, 10, 20):
        await stored.append(a_tweet_created(event_id))
    assert await waiting(stored.outbox) == [30, 10, 20]


async def test_a_cursor_reads_on_where_it_stopped(stored: StoredOutbox) -> None:
    await stored.append(*(a_tweet_created(event_id) for event_id in range(1, 8)))
    first = await stored.outbox.pending(after=0, limit=3)
    assert [row.event.event_id for row in first] == [1, 2, 3]
    assert await waiting(stored.outbox, after=first[-1].sequence) == [4, 5, 6, 7]


async def test_a_cursor_misses_nothing_after_the_outbox_was_empty(stored: StoredOutbox) -> None:
    await stored.append(a_tweet_created(1), a_tweet_created(2))
    rows = await stored.outbox.pending(after=0, limit=10)
    cursor = rows[-1].sequence
    await stored.outbox.delete([row.place for row in rows])
    assert await waiting(stored.outbox) == []
    await stored.append(a_tweet_created(3))
    assert await waiting(stored.outbox, after=cursor) == [3]


async def test_every_row_of_an_event_that_was_appended_again_waits_until_it_is_deleted(stored: StoredOutbox) -> None:
    await stored.append(a_tweet_created(1))
    await stored.append(a_tweet_created(1))
    rows = await stored.outbox.pending(after=0, limit=10)
    assert {row.event.event_id for row in rows} == {1}
    while rows:
        await stored.outbox.delete([rows[0].place])
        left = await stored.outbox.pending(after=0, limit=10)
        assert left == rows[1:]
        rows = left


async def test_deleting_removes_waiting_rows_only(stored: StoredOutbox) -> None:
    await stored.append(*(a_tweet_created(event_id) for event_id in (1, 2, 3)))
    first = await place_of(stored.outbox, 1)
    dead = await bury(stored.outbox, 2)
    await stored.outbox.delete([first, dead, UNKNOWN])
    await stored.outbox.delete([])
    assert await waiting(stored.outbox) == [3]
    assert [row.event.event_id for row in await stored.outbox.dead(after=0, limit=10)] == [2]


async def test_a_dead_letter_tells_its_group_reason_and_time_and_waits_no_more(stored: StoredOutbox) -> None:
    await stored.append(a_tweet_created(1))
    place = await bury(stored.outbox, 1, reason="ValueError: no", at_us=77)
    assert await waiting(stored.outbox) == []
    [row] = await stored.outbox.dead(after=0, limit=10)
    assert (row.dead_group, row.dead_reason, row.dead_us) == ("timeline", "ValueError: no", 77)
    assert row.event == a_tweet_created(1)
    assert await stored.outbox.get(1) == row
    assert await stored.outbox.at(place) is None


async def test_burying_an_unknown_or_a_dead_event_changes_nothing(stored: StoredOutbox) -> None:
    await stored.append(a_tweet_created(1))
    place = await bury(stored.outbox, 1, reason="first", at_us=1)
    await stored.outbox.bury(place, group="engagement", reason="second", at_us=2)
    await stored.outbox.bury(UNKNOWN, group="timeline", reason="unknown", at_us=3)
    [row] = await stored.outbox.dead(after=0, limit=10)
    assert (row.dead_group, row.dead_reason, row.dead_us) == ("timeline", "first", 1)


async def test_dead_letters_are_paged_oldest_first_and_by_group(stored: StoredOutbox) -> None:
    await stored.append(*(a_tweet_created(event_id) for event_id in range(1, 7)))
    for event_id in (5, 1, 3):
        await bury(stored.outbox, event_id)
    await bury(stored.outbox, 2, group="engagement")
    first = await stored.outbox.dead(after=0, limit=2)
    rest = await stored.outbox.dead(after=first[-1].sequence, limit=9)
    assert [row.event.event_id for row in (*first, *rest)] == [1, 2, 3, 5]
    of_group = await stored.outbox.dead(after=0, limit=9, group="timeline")
    assert [row.event.event_id for row in of_group] == [1, 3, 5]


async def test_a_revived_dead_letter_waits_at_the_end(stored: StoredOutbox) -> None:
    await stored.append(a_tweet_created(1), a_tweet_created(2), at_us=NOW_US)
    cursor = (await stored.outbox.pending(after=0, limit=10))[-1].sequence
    await bury(stored.outbox, 1)
    assert await stored.outbox.revive([1, 2, 99]) == [1]
    [row] = await stored.outbox.pending(after=cursor, limit=10)
    assert (row.event, row.created_us, row.dead_group, row.dead_reason) == (a_tweet_created(1), NOW_US, "", "")
    assert await stored.outbox.dead(after=0, limit=10) == []
    await stored.append(a_tweet_created(3))
    assert await waiting(stored.outbox, after=row.sequence) == [3]


async def test_an_event_that_is_to_be_found_is_found_by_its_id_until_it_is_deleted(stored: StoredOutbox) -> None:
    await stored.append_findable(a_tweet_created(1))
    for _ in range(2):
        assert await stored.outbox.get(1) == await stored.outbox.at(await place_of(stored.outbox, 1))
        await bury(stored.outbox, 1)
        row = await stored.outbox.get(1)
        assert row is not None
        assert row.dead_group == "timeline"
        assert await stored.outbox.revive([1]) == [1]
    await stored.outbox.delete([await place_of(stored.outbox, 1)])
    assert await stored.outbox.get(1) is None
    assert await stored.outbox.revive([1]) == []


async def test_a_burial_that_is_repeated_after_the_replay_changes_nothing(stored: StoredOutbox) -> None:
    await stored.append(a_tweet_created(1))
    place = await bury(stored.outbox, 1)
    await stored.outbox.revive([1])
    await stored.outbox.bury(place, group="timeline", reason="no", at_us=5)
    await stored.outbox.delete([place])
    assert await waiting(stored.outbox) == [1]
    assert await stored.outbox.dead(after=0, limit=10) == []


async def test_a_row_that_was_written_by_a_clock_ahead_of_all_others_can_be_deleted(stored: StoredOutbox) -> None:
    ahead_us = SystemClock().now_us() + 3_600_000_000
    await stored.append(a_tweet_created(1), at_us=ahead_us)
    await stored.outbox.delete([await place_of(stored.outbox, 1)])
    assert await waiting(stored.outbox) == []


async def test_an_unknown_event_is_none(stored: StoredOutbox) -> None:
    assert await stored.outbox.get(UNKNOWN.event_id) is None
    assert await stored.outbox.at(UNKNOWN) is None


async def test_who_waits_is_woken_by_an_append(stored: StoredOutbox) -> None:
    async with asyncio.timeout(LONG.total_seconds() / 2), asyncio.TaskGroup() as group:
        woken = group.create_task(stored.outbox.wait_for_append(at_most=LONG))
        await asyncio.sleep(0)
        await stored.append(a_tweet_created(1))
    assert woken.done()
    assert await waiting(stored.outbox) == [1]


async def test_who_waits_in_vain_returns_in_time(stored: StoredOutbox) -> None:
    async with asyncio.timeout(LONG.total_seconds()):
        await stored.outbox.wait_for_append(at_most=timedelta(milliseconds=1))
        await stored.outbox.wait_for_append(at_most=timedelta(milliseconds=1))


async def test_rows_outlive_the_process(tmp_path: Path) -> None:
    async with sqlite_outbox(tmp_path) as stored:
        await stored.append(a_tweet_created(1), a_tweet_created(2))
        await bury(stored.outbox, 2)
    async with sqlite_outbox(tmp_path) as again:
        assert await waiting(again.outbox) == [1]
        assert [row.event.event_id for row in await again.outbox.dead(after=0, limit=10)] == [2]
