"""A store that cannot be read or written for a while stops the relay's work, and never the relay."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from mesh.errors import Unavailable
from mesh.events.interface import Outbox, OutboxReader, OutboxRow, Place
from mesh.events.memory import MemoryBus
from tests.support.buses import GLANCE
from tests.support.outboxes import BACKENDS, StoredOutbox, a_tweet_created
from tests.support.relays import Group, event_ids, relay
from tests.support.wait_until import wait_until

LATER = timedelta(minutes=5)


@dataclass
class Faltering(Outbox, OutboxReader):
    """An outbox, and its reader, whose store can be away; counts what was asked in vain."""

    inner: Outbox
    is_away: bool = False
    refused: int = 0

    def __post_init__(self) -> None:
        self._reader = self.inner.reader()

    def reader(self) -> OutboxReader:
        return self

    async def next(self, *, limit: int) -> list[OutboxRow]:
        self._check()
        return await self._reader.next(limit=limit)

    async def pending(self, *, after: int, limit: int) -> list[OutboxRow]:
        self._check()
        return await self.inner.pending(after=after, limit=limit)

    async def at(self, place: Place) -> OutboxRow | None:
        self._check()
        return await self.inner.at(place)

    async def get(self, event_id: int) -> OutboxRow | None:
        return await self.inner.get(event_id)

    async def delete(self, places: Collection[Place]) -> None:
        self._check()
        await self.inner.delete(places)

    async def bury(self, place: Place, *, group: str, reason: str, at_us: int) -> None:
        self._check()
        await self.inner.bury(place, group=group, reason=reason, at_us=at_us)

    async def dead(self, *, after: int, limit: int, group: str = "") -> list[OutboxRow]:
        self._check()
        return await self.inner.dead(after=after, limit=limit, group=group)

    async def revive(self, event_ids: Collection[int]) -> list[int]:
        return await self.inner.revive(event_ids)

    async def wait_for_append(self, *, at_most: timedelta) -> None:
        await self.inner.wait_for_append(at_most=at_most)

    def _check(self) -> None:
        if self.is_away:
            self.refused += 1
            raise Unavailable.backend("the store")


@pytest.fixture(params=BACKENDS)
async def stored(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StoredOutbox]:
    async with BACKENDS[request.param](tmp_path, None) as opened:
        yield opened


async def test_events_are_published_when_the_store_can_be_read_again(stored: StoredOutbox) -> None:
    bus = MemoryBus()
    timeline = await Group.join(bus, "timeline")
    outbox = Faltering(stored.outbox, is_away=True)
    async with relay(outbox, bus):
        await stored.append(a_tweet_created(1))
        await wait_until(lambda: outbox.refused >= 3)
        outbox.is_away = False
        assert event_ids(await timeline.take()) == [1]


async def test_what_was_confirmed_or_given_up_meanwhile_is_written_afterwards(stored: StoredOutbox) -> None:
    bus = MemoryBus()
    timeline, engagement = await Group.join(bus, "timeline"), await Group.join(bus, "engagement")
    outbox = Faltering(stored.outbox)
    async with relay(outbox, bus) as worker:
        await stored.append(*(a_tweet_created(event_id) for event_id in (1, 2, 3)))
        for group in (timeline, engagement):
            await group.take(count=3)
        outbox.is_away = True
        for group in (timeline, engagement):
            await group.confirm(1, 2)
        await timeline.refuse(3, "no")
        await wait_until(lambda: all(worker.progress(event_id) is None for event_id in (1, 2, 3)))
        before = outbox.refused
        await wait_until(lambda: outbox.refused > before)
        outbox.is_away = False

        async def is_settled() -> bool:
            left = await stored.outbox.pending(after=0, limit=10)
            dead = await stored.outbox.dead(after=0, limit=10)
            return not left and [row.event.event_id for row in dead] == [3]

        await wait_until(is_settled)


async def test_a_repeat_whose_row_cannot_be_read_is_published_later(stored: StoredOutbox) -> None:
    bus = MemoryBus()
    timeline = await Group.join(bus, "timeline")
    outbox = Faltering(stored.outbox)
    async with relay(outbox, bus) as worker:
        await stored.append(a_tweet_created(1))
        await timeline.take()
        await wait_until(lambda: (progress := worker.progress(1)) and progress.published_count == 1)
        outbox.is_away = True
        outbox.refused = 0
        bus.forget()
        await wait_until(lambda: outbox.refused >= 5)
        outbox.is_away = False
        assert event_ids(await timeline.take()) == [1]


@dataclass
class Repeating(Faltering):
    """An outbox whose reader returns every row again, each time."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._returned: list[OutboxRow] = []

    async def next(self, *, limit: int) -> list[OutboxRow]:
        self._returned += await super().next(limit=limit)
        return [row for row in self._returned if await self.inner.at(row.place)]


async def test_a_row_that_is_read_again_and_again_is_published_once(stored: StoredOutbox) -> None:
    bus = MemoryBus()
    timeline, engagement = await Group.join(bus, "timeline"), await Group.join(bus, "engagement")
    async with relay(Repeating(stored.outbox), bus, repeat_after=LATER) as worker:
        await stored.append(a_tweet_created(1), a_tweet_created(2))
        assert event_ids(await timeline.take(count=2)) == [1, 2]
        await stored.append(a_tweet_created(3))
        assert event_ids(await timeline.take()) == [3]
        for event_id in (1, 2, 3):
            progress = worker.progress(event_id)
            assert progress is not None
            assert progress.published_count == 1
        await engagement.take(count=3)
        assert await timeline.subscription.fetch(limit=9, wait=GLANCE) == []


async def test_an_event_that_was_appended_again_is_settled_with_all_its_rows(stored: StoredOutbox) -> None:
    """Whoever wrote it did not hear of it and wrote it again, before the relay has read it or after."""
    bus = MemoryBus()
    timeline, engagement = await Group.join(bus, "timeline"), await Group.join(bus, "engagement")
    await stored.append(a_tweet_created(1))
    await stored.append(a_tweet_created(1))
    async with relay(stored.outbox, bus, repeat_after=LATER):
        assert event_ids(await timeline.take()) == [1]
        await stored.append(a_tweet_created(1))
        await stored.append(a_tweet_created(2))
        while 2 not in event_ids(await timeline.take()):
            pass
        await engagement.take(count=2)
        for group in (timeline, engagement):
            await group.confirm(1, 2)

        async def is_empty() -> bool:
            return not await stored.outbox.pending(after=0, limit=10)

        await wait_until(is_empty)


async def test_an_event_with_several_rows_becomes_one_dead_letter(stored: StoredOutbox) -> None:
    bus = MemoryBus()
    timeline = await Group.join(bus, "timeline")
    await stored.append(a_tweet_created(1))
    await stored.append(a_tweet_created(1))
    async with relay(stored.outbox, bus, repeat_after=LATER):
        await timeline.take()
        await timeline.refuse(1, "no")

        async def is_dead() -> bool:
            left = await stored.outbox.pending(after=0, limit=10)
            dead = await stored.outbox.dead(after=0, limit=10)
            return not left and [row.event.event_id for row in dead] == [1]

        await wait_until(is_dead)
        assert await stored.outbox.revive([1]) == [1]
        assert event_ids(await timeline.take()) == [1]
