"""The suite of the outbox bites: each of these outboxes breaks one promise, and the test of that promise fails."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from pathlib import Path

import pytest

from mesh.events.interface import Outbox, OutboxReader, OutboxRow, Place
from tests.conformance import test_outbox as suite
from tests.support.outboxes import StoredOutbox, place_of, sqlite_outbox


@dataclasses.dataclass(frozen=True)
class Spoilt(Outbox):
    """An outbox that does the part named in `broken` in its own way."""

    inner: Outbox
    broken: str

    def reader(self) -> OutboxReader:
        return self.inner.reader()

    async def pending(self, *, after: int, limit: int) -> list[OutboxRow]:
        rows = await self.inner.pending(after=after, limit=limit)
        if self.broken == "skips rows":
            return rows[::2]
        if self.broken == "orders rows by their ids":
            return sorted(rows, key=lambda row: row.event.event_id)
        return rows

    async def at(self, place: Place) -> OutboxRow | None:
        return await self.inner.at(place)

    async def get(self, event_id: int) -> OutboxRow | None:
        return await self.inner.get(event_id)

    async def delete(self, places: Collection[Place]) -> None:
        if self.broken == "deletes dead letters":
            for event_id in await self.inner.revive([place.event_id for place in places]):
                await self.inner.delete([await place_of(self.inner, event_id)])
        await self.inner.delete(places)

    async def bury(self, place: Place, *, group: str, reason: str, at_us: int) -> None:
        if self.broken == "lets the last word on a dead letter win" and await self.inner.revive([place.event_id]):
            place = await place_of(self.inner, place.event_id)
        await self.inner.bury(place, group=group, reason=reason, at_us=at_us)

    async def dead(self, *, after: int, limit: int, group: str = "") -> list[OutboxRow]:
        asked = "" if self.broken == "forgets whose dead letters were asked for" else group
        return await self.inner.dead(after=after, limit=limit, group=asked)

    async def revive(self, event_ids: Collection[int]) -> list[int]:
        revived = await self.inner.revive(event_ids)
        return list(event_ids) if self.broken == "claims to revive what is not dead" else revived

    async def wait_for_append(self, *, at_most: timedelta) -> None:
        if self.broken == "sleeps through appends":
            await self.inner.wait_for_append(at_most=timedelta())
            await self.inner.wait_for_append(at_most=at_most * 10)
        await self.inner.wait_for_append(at_most=at_most)


CASES = [
    ("skips rows", suite.test_a_cursor_reads_on_where_it_stopped),
    ("orders rows by their ids", suite.test_events_wait_in_the_order_of_their_commits_and_not_of_their_ids),
    ("deletes dead letters", suite.test_deleting_removes_waiting_rows_only),
    ("lets the last word on a dead letter win", suite.test_burying_an_unknown_or_a_dead_event_changes_nothing),
    ("forgets whose dead letters were asked for", suite.test_dead_letters_are_paged_oldest_first_and_by_group),
    ("claims to revive what is not dead", suite.test_a_revived_dead_letter_waits_at_the_end),
    ("sleeps through appends", suite.test_who_waits_is_woken_by_an_append),
]


@pytest.mark.parametrize(("broken", "check"), CASES, ids=[f"{name}: {check.__name__}" for name, check in CASES])
async def test_an_outbox_that_breaks_a_promise_fails_its_test(
    broken: str, check: Callable[[StoredOutbox], Awaitable[None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "LONG", timedelta(seconds=0.5))
    async with sqlite_outbox(tmp_path) as stored:
        with pytest.raises((AssertionError, TimeoutError)):
            await check(dataclasses.replace(stored, outbox=Spoilt(stored.outbox, broken)))


@pytest.mark.parametrize("check", [check for _, check in CASES], ids=lambda check: str(check.__name__))
async def test_the_same_outbox_passes_when_it_breaks_nothing(
    check: Callable[[StoredOutbox], Awaitable[None]], tmp_path: Path
) -> None:
    async with sqlite_outbox(tmp_path) as stored:
        await check(dataclasses.replace(stored, outbox=Spoilt(stored.outbox, "nothing")))
