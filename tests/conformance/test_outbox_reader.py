"""What the reader of an outbox promises to a relay, on every backend: in the end it returns every row that waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from mesh.clock import FrozenClock
from mesh.events.interface import OutboxReader
from tests.support.outboxes import BACKENDS, StoredOutbox, a_tweet_created, bury, place_of

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# Ids of different workers: their rows are in different shards, where a backend has shards.
OTHER_WORKERS = [worker << 12 | 7 for worker in (1, 2, 3, 4, 127)]


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(params=BACKENDS)
async def stored(request: pytest.FixtureRequest, tmp_path: Path, clock: FrozenClock) -> AsyncIterator[StoredOutbox]:
    async with BACKENDS[request.param](tmp_path, clock) as opened:
        yield opened


async def read(reader: OutboxReader, *, limit: int = 100) -> list[int]:
    return [row.event.event_id for row in await reader.next(limit=limit)]


async def read_for(reader: OutboxReader, clock: FrozenClock, time: timedelta, *, step: timedelta = SECOND) -> list[int]:
    """What is returned while time passes."""
    found = await read(reader)
    for _ in range(time // step):
        clock.advance(step)
        found += await read(reader)
    return found


async def test_what_waits_is_returned_in_order_and_then_what_comes(stored: StoredOutbox) -> None:
    await stored.append(*(a_tweet_created(event_id) for event_id in (30, 10, 20)))
    reader = stored.outbox.reader()
    assert await read(reader) == [30, 10, 20]
    assert await read(reader) == []
    await stored.append(a_tweet_created(5))
    assert await read(reader) == [5]


async def test_no_more_rows_are_returned_than_asked_for_and_none_is_left_out(stored: StoredOutbox) -> None:
    await stored.append(*(a_tweet_created(event_id) for event_id in range(1, 12)))
    reader = stored.outbox.reader()
    for wanted in ([1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11]):
        assert await read(reader, limit=3) == wanted


async def test_a_new_row_is_returned_also_after_many_that_are_gone(stored: StoredOutbox, clock: FrozenClock) -> None:
    reader = stored.outbox.reader()
    for event_id in range(1, 30):
        await stored.append(a_tweet_created(event_id))
        assert await read(reader) == [event_id]
        await stored.outbox.delete([await place_of(stored.outbox, event_id)])
        clock.advance(timedelta(seconds=7))


async def test_rows_of_other_processes_are_returned_within_a_second(stored: StoredOutbox, clock: FrozenClock) -> None:
    reader = stored.outbox.reader()
    assert await read(reader) == []
    for event_id in OTHER_WORKERS:
        await stored.again().append(a_tweet_created(event_id))
        clock.advance(SECOND)
        assert await read(reader) == [event_id]


async def test_a_row_of_a_slow_write_is_returned_though_a_later_one_was_seen_before(
    stored: StoredOutbox, clock: FrozenClock
) -> None:
    reader = stored.outbox.reader()
    earlier_us = clock.now_us()
    clock.advance(SECOND)
    await stored.append(a_tweet_created(2))
    assert await read(reader) == [2]
    await stored.again().append(a_tweet_created(1), at_us=earlier_us)
    assert await read_for(reader, clock, 2 * SECOND) == [1]


@pytest.mark.parametrize(
    ("late", "within"),
    [(5 * SECOND, 2 * MINUTE), (50 * SECOND, 2 * MINUTE), (9 * MINUTE, 3 * MINUTE), (20 * HOUR, 5 * HOUR)],
    ids=str,
)
async def test_a_row_that_comes_to_be_seen_behind_the_others_is_returned_in_the_end(
    stored: StoredOutbox, clock: FrozenClock, late: timedelta, within: timedelta
) -> None:
    reader = stored.outbox.reader()
    committed_us = clock.now_us()
    await stored.append(a_tweet_created(2))
    assert await read(reader) == [2]
    await stored.outbox.delete([await place_of(stored.outbox, 2)])
    assert await read_for(reader, clock, late, step=late / 50) == []
    await stored.append_late(a_tweet_created(1), at_us=committed_us)
    assert 1 in await read_for(reader, clock, within, step=within / 50)


@pytest.mark.parametrize("ahead", [3 * MINUTE, 2 * HOUR, 3 * DAY], ids=str)
async def test_a_row_of_a_clock_that_is_ahead_is_returned_soon(
    stored: StoredOutbox, clock: FrozenClock, ahead: timedelta
) -> None:
    reader = stored.outbox.reader()
    assert await read(reader) == []
    other = stored.again()
    for event_id in (1, 2):
        await other.append(a_tweet_created(event_id), at_us=clock.now_us() + ahead // timedelta(microseconds=1))
        assert event_id in await read_for(reader, clock, 2 * MINUTE)


@pytest.mark.parametrize("age", [SECOND, 5 * MINUTE, 3 * HOUR, 40 * DAY], ids=str)
async def test_after_a_restart_everything_that_waits_is_returned(
    stored: StoredOutbox, clock: FrozenClock, age: timedelta
) -> None:
    events = [1, *OTHER_WORKERS]
    reader = stored.outbox.reader()
    await stored.append(*(a_tweet_created(event_id) for event_id in events))
    await read(reader)
    clock.advance(age)
    assert sorted(await read_for(stored.again().outbox.reader(), clock, 3 * SECOND)) == sorted(events)


async def test_what_waits_for_days_is_still_returned_after_a_restart(stored: StoredOutbox, clock: FrozenClock) -> None:
    """Relays have met it again and again meanwhile, and everything around it is gone."""
    await stored.append(a_tweet_created(1), a_tweet_created(2))
    reader = stored.outbox.reader()
    await stored.outbox.delete([await place_of(stored.outbox, 2)])
    await read_for(reader, clock, 4 * DAY, step=HOUR)
    assert await read_for(stored.again().outbox.reader(), clock, 3 * SECOND) == [1]
    assert [row.event.event_id for row in await stored.outbox.pending(after=0, limit=10)] == [1]


async def test_a_dead_letter_is_not_returned_and_a_replayed_one_is(stored: StoredOutbox, clock: FrozenClock) -> None:
    await stored.append(a_tweet_created(1), a_tweet_created(2))
    reader = stored.outbox.reader()
    await bury(stored.outbox, 1)
    assert await read_for(reader, clock, 2 * SECOND) == [2]
    clock.advance(DAY)
    await stored.again().outbox.revive([1])
    assert 1 in await read_for(reader, clock, 2 * SECOND)
