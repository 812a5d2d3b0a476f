"""The suite of the outbox bites: each of these outboxes breaks one promise, and the test of that promise fails."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from mesh.clock import FrozenClock
from mesh.events.interface import Outbox, OutboxReader, OutboxRow, Place
from mesh.storage.cassandra import Statement
from mesh.storage.cassandra_outbox import CassandraOutbox
from mesh.storage.cassandra_outbox_buckets import Bucket
from mesh.storage.cassandra_outbox_reader import CassandraOutboxReader, Partition, Scan
from mesh.storage.cassandra_outbox_rows import BUCKET_US, bucket_of, shard_of
from tests.conformance import test_outbox as suite
from tests.conformance import test_outbox_reader as reader_suite
from tests.support.cassandra import open_keyspace
from tests.support.outboxes import StoredOutbox, on_cassandra, place_of, sqlite_outbox


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


class NeverReadsAgain(CassandraOutboxReader):
    """Reads what is new, and no bucket in full."""

    async def _scan(self, limit: int) -> None:
        self._due.clear()


class SweepsOneShard(CassandraOutboxReader):
    """Forgets the shards of other processes."""

    async def _sweep_one(self, partition: Partition, *, settled: Place, limit: int) -> bool:
        return partition[1] != 0 or await super()._sweep_one(partition, settled=settled, limit=limit)


class TrustsTheOrder(CassandraOutboxReader):
    """Takes a row for the sign that all before it were seen."""

    async def _sweep_one(self, partition: Partition, *, settled: Place, limit: int) -> bool:
        is_done = await super()._sweep_one(partition, settled=settled, limit=limit)
        followed = self._follow(partition)
        followed.at = followed.settled = max([followed.settled, *followed.returned])
        return is_done


class ClosesWhateverWaits(CassandraOutboxReader):
    """Closes every bucket when it is old enough."""

    async def _finish(self, scan: Scan) -> None:
        await super()._finish(dataclasses.replace(scan, is_empty=True))


class KnowsOnlyItsClock(CassandraOutboxReader):
    """Does not look beyond the present minute."""

    def _take_in(self, bucket: Bucket, *, now_us: int) -> None:
        if bucket.number * BUCKET_US <= now_us:
            super()._take_in(bucket, now_us=now_us)


class DeletesByTheServersClock(CassandraOutbox):
    """Deletes as of now, and not as of the row."""

    async def delete(self, places: Collection[Place]) -> None:
        plain = Statement("test.delete", "DELETE FROM outbox WHERE bucket = ? AND shard = ? AND sequence = ?")
        for place in places:
            values = bucket_of(place.sequence), shard_of(place.event_id), place.sequence
            await self._cassandra.run(plain, *values)


def with_reader(reader_class: type[CassandraOutboxReader]) -> type[CassandraOutbox]:
    class Broken(CassandraOutbox):
        def reader(self) -> OutboxReader:
            reader = reader_class(
                self._cassandra, self._buckets, self._journal, clock=self._clock, wake=self._appended.set
            )
            self._readers.add(reader)
            return reader

    return Broken


late = partial(
    reader_suite.test_a_row_that_comes_to_be_seen_behind_the_others_is_returned_in_the_end,
    late=timedelta(hours=20),
    within=timedelta(hours=5),
)
ahead = partial(reader_suite.test_a_row_of_a_clock_that_is_ahead_is_returned_soon, ahead=timedelta(hours=2))
slow = reader_suite.test_a_row_of_a_slow_write_is_returned_though_a_later_one_was_seen_before
days = reader_suite.test_what_waits_for_days_is_still_returned_after_a_restart
restart = partial(reader_suite.test_after_a_restart_everything_that_waits_is_returned, age=timedelta(minutes=5))


async def deletable(stored: StoredOutbox, clock: FrozenClock) -> None:
    await suite.test_a_row_that_was_written_by_a_clock_ahead_of_all_others_can_be_deleted(stored)


ON_CASSANDRA: dict[str, tuple[type[CassandraOutbox], Callable[..., Awaitable[None]]]] = {
    "never reads again": (with_reader(NeverReadsAgain), late),
    "never reads again, also at the start": (with_reader(NeverReadsAgain), restart),
    "forgets the shards of others": (
        with_reader(SweepsOneShard),
        reader_suite.test_rows_of_other_processes_are_returned_within_a_second,
    ),
    "trusts the order": (with_reader(TrustsTheOrder), slow),
    "closes whatever waits": (with_reader(ClosesWhateverWaits), days),
    "knows only its clock": (with_reader(KnowsOnlyItsClock), ahead),
    "deletes by the server's clock": (DeletesByTheServersClock, deletable),
}


@pytest.mark.parametrize("name", ON_CASSANDRA)
async def test_a_broken_outbox_on_cassandra_fails_its_test(name: str) -> None:
    broken, check = ON_CASSANDRA[name]
    clock = FrozenClock()
    async with open_keyspace("tweet") as cassandra:
        with pytest.raises(AssertionError):
            await check(stored=on_cassandra(cassandra, clock, broken), clock=clock)
