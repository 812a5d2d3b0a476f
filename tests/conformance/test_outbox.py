"""The promises of the outbox table, on every backend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from mesh.events.interface import Outbox
from tests.support.outboxes import StoredOutbox, a_tweet_created, sqlite_outbox

LONG = timedelta(seconds=10)


@pytest.fixture(params=["sqlite"])
async def stored(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StoredOutbox]:
    async with sqlite_outbox(tmp_path) as opened:
        yield opened


async def waiting(outbox: Outbox, *, after: int = 0, limit: int = 100) -> list[int]:
    return [row.event.event_id for row in await outbox.pending(after=after, limit=limit)]


async def test_an_appended_event_waits_as_it_was_written(stored: StoredOutbox) -> None:
    event = a_tweet_created(7)
    await stored.append(event, at_us=1_234)
    [row] = await stored.outbox.pending(after=0, limit=10)
    assert (row.event, row.created_us, row.dead_group) == (event, 1_234, "")
    assert await stored.outbox.get(7) == row


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
    cursor = (await stored.outbox.pending(after=0, limit=10))[-1].sequence
    await stored.outbox.delete([1, 2])
    assert await waiting(stored.outbox) == []
    await stored.append(a_tweet_created(3))
    assert await waiting(stored.outbox, after=cursor) == [3]


async def test_appending_the_same_event_again_changes_nothing(stored: StoredOutbox) -> None:
    await stored.append(a_tweet_created(1), at_us=5)
    await stored.append(a_tweet_created(1), at_us=9)
    [row] = await stored.outbox.pending(after=0, limit=10)
    assert row.created_us == 5


async def test_deleting_removes_waiting_rows_only(stored: StoredOutbox) -> None:
    await stored.append(*(a_tweet_created(event_id) for event_id in (1, 2, 3)))
    await stored.outbox.bury(2, group="timeline", reason="no", at_us=5)
    await stored.outbox.delete([1, 2, 99])
    await stored.outbox.delete([])
    assert await waiting(stored.outbox) == [3]
    assert [row.event.event_id for row in await stored.outbox.dead(after=0, limit=10)] == [2]


async def test_a_dead_letter_tells_its_group_reason_and_time_and_waits_no_more(stored: StoredOutbox) -> None:
    await stored.append(a_tweet_created(1))
    await stored.outbox.bury(1, group="timeline", reason="ValueError: no", at_us=77)
    assert await waiting(stored.outbox) == []
    [row] = await stored.outbox.dead(after=0, limit=10)
    assert (row.dead_group, row.dead_reason, row.dead_us) == ("timeline", "ValueError: no", 77)
    assert row.event == a_tweet_created(1)
    assert await stored.outbox.get(1) == row


async def test_burying_an_unknown_or_a_dead_event_changes_nothing(stored: StoredOutbox) -> None:
    await stored.append(a_tweet_created(1))
    await stored.outbox.bury(1, group="timeline", reason="first", at_us=1)
    await stored.outbox.bury(1, group="engagement", reason="second", at_us=2)
    await stored.outbox.bury(99, group="timeline", reason="unknown", at_us=3)
    [row] = await stored.outbox.dead(after=0, limit=10)
    assert (row.dead_group, row.dead_reason, row.dead_us) == ("timeline", "first", 1)


async def test_dead_letters_are_paged_oldest_first_and_by_group(stored: StoredOutbox) -> None:
    await stored.append(*(a_tweet_created(event_id) for event_id in range(1, 7)))
    for event_id in (5, 1, 3):
        await stored.outbox.bury(event_id, group="timeline", reason="", at_us=1)
    await stored.outbox.bury(2, group="engagement", reason="", at_us=1)
    first = await stored.outbox.dead(after=0, limit=2)
    rest = await stored.outbox.dead(after=first[-1].sequence, limit=9)
    assert [row.event.event_id for row in (*first, *rest)] == [1, 2, 3, 5]
    of_group = await stored.outbox.dead(after=0, limit=9, group="timeline")
    assert [row.event.event_id for row in of_group] == [1, 3, 5]


async def test_a_revived_dead_letter_waits_at_the_end(stored: StoredOutbox) -> None:
    await stored.append(a_tweet_created(1), a_tweet_created(2), at_us=4)
    cursor = (await stored.outbox.pending(after=0, limit=10))[-1].sequence
    await stored.outbox.bury(1, group="timeline", reason="no", at_us=5)
    assert await stored.outbox.revive([1, 2, 99]) == [1]
    [row] = await stored.outbox.pending(after=cursor, limit=10)
    assert (row.event, row.created_us, row.dead_group, row.dead_reason) == (a_tweet_created(1), 4, "", "")
    assert await stored.outbox.dead(after=0, limit=10) == []
    await stored.append(a_tweet_created(3))
    assert await waiting(stored.outbox, after=row.sequence) == [3]


async def test_an_unknown_event_is_none(stored: StoredOutbox) -> None:
    assert await stored.outbox.get(1) is None


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
        await stored.outbox.bury(2, group="timeline", reason="no", at_us=5)
    async with sqlite_outbox(tmp_path) as again:
        assert await waiting(again.outbox) == [1]
        assert [row.event.event_id for row in await again.outbox.dead(after=0, limit=10)] == [2]
