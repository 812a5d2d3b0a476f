"""The outbox in Cassandra: rows in buckets of a minute by the time of their commit, and dead letters by its year.

A commit is two steps, the row with all that is to be written and then that; docs/decisions/0028 says why it holds.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection
from datetime import timedelta
from itertools import chain
from weakref import WeakSet

from mesh.clock import Clock, SystemClock
from mesh.events.interface import Outbox, OutboxEvent, OutboxReader, OutboxRow, Place
from mesh.failpoints import fp
from mesh.storage.cassandra import Call, Cassandra
from mesh.storage.cassandra_dead_letters import DeadLetters, EventPlaces, bury, dig_up, moved_to
from mesh.storage.cassandra_journal import Journal, encode
from mesh.storage.cassandra_outbox_buckets import OutboxBuckets
from mesh.storage.cassandra_outbox_reader import CassandraOutboxReader
from mesh.storage.cassandra_outbox_rows import (
    NO_EVENT_ABOVE,
    SHARDS,
    StoredRow,
    bucket_of,
    committed_us,
    delete,
    get,
    insert,
    journal,
    place_at,
    rows_after,
    shard_of,
)

# Rows of one partition that go in one statement.
DELETED_AT_ONCE = 100
BUCKETS_AT_ONCE = 4


class CassandraOutbox(Outbox):
    """The table `outbox` of one keyspace. All methods raise Unavailable."""

    def __init__(self, cassandra: Cassandra, *, clock: Clock | None = None) -> None:
        self._cassandra = cassandra
        self._clock = clock or SystemClock()
        self._buckets = OutboxBuckets(cassandra)
        self._journal = Journal(cassandra)
        self._letters = DeadLetters(cassandra)
        self._places = EventPlaces(cassandra)
        self._readers: WeakSet[CassandraOutboxReader] = WeakSet()
        self._appended = asyncio.Event()
        self._last_us = 0

    async def commit(self, name: str, *calls: Call, announce: OutboxEvent, at_us: int) -> None:
        """Do the calls and announce them: when it returns every read agrees, and only then is the event handed out.

        After Unavailable none may be done, or some of them for now: a reader does the others before it hands the event
        out, however late. So each call says its timestamp, or UnsafeWrite is raised, and what it writes is overwritten
        and never deleted: deletions are forgotten some day. `name` is that of the calls in the metrics.

        `at_us` is the present, and not when the event happened: rows of the past are looked for ever less often.
        """
        place = await self._next_place(announce.event_id, at_us=at_us)
        await self._commit(name, _row(place, announce), *calls)

    async def commit_findable(self, *, announce: OutboxEvent, at_us: int) -> None:
        """Announce an event whose state is written by other means. When it returns, `get` finds it by its id."""
        place = await self._next_place(announce.event_id, at_us=at_us)
        await self._commit("outbox.moved_place", _row(place, announce), moved_to(place))

    async def _commit(self, name: str, row: OutboxRow, *calls: Call) -> None:
        writes = await self._cassandra.encoded(*calls)
        statement, values = journal(StoredRow(row, encode(writes)))
        try:
            with self._journal.in_progress(row.place):
                await self._cassandra.run(statement, *values)
                fp("journal.row_written")
                await self._cassandra.write(name, *writes)
                fp("journal.written")
                self._journal.note_applied(row.place)
        finally:
            # Also of a row that may not be there: if it is, its state is completed at once.
            self._expect(row.place)
            self.committed()

    async def append(self, event: OutboxEvent, *, at_us: int) -> Call:
        """What adds a waiting row whose state is written by other means. Call `committed` when it may be announced."""
        place = await self._next_place(event.event_id, at_us=at_us)
        self._expect(place)
        return insert(place, event)

    async def _next_place(self, event_id: int, *, at_us: int) -> Place:
        self._last_us = max(at_us, self._last_us + 1)
        place = place_at(self._last_us, event_id)
        await self._buckets.open(bucket_of(place.sequence))
        return place

    def _expect(self, place: Place) -> None:
        for reader in self._readers:
            reader.expect(place)

    def committed(self) -> None:
        """Wake who waits for rows."""
        self._appended.set()

    def reader(self) -> OutboxReader:
        reader = CassandraOutboxReader(
            self._cassandra, self._buckets, self._journal, clock=self._clock, wake=self._appended.set
        )
        self._readers.add(reader)
        return reader

    async def pending(self, *, after: int, limit: int) -> list[OutboxRow]:
        listed = await self._buckets.listed(now_us=self._clock.now_us(), since=bucket_of(after))
        waiting = [bucket.number for bucket in listed if not bucket.is_quiet]
        behind = Place(after, NO_EVENT_ABOVE)
        found: list[OutboxRow] = []
        while waiting and len(found) < limit:
            some, waiting = waiting[:BUCKETS_AT_ONCE], waiting[BUCKETS_AT_ONCE:]
            asked = (
                rows_after(self._cassandra, bucket, shard, after=behind, limit=limit)
                for bucket in some
                for shard in range(SHARDS)
            )
            rows = (stored.row for stored in chain.from_iterable(await asyncio.gather(*asked)))
            found += sorted(rows, key=lambda row: row.place)
        return found[:limit]

    async def at(self, place: Place) -> OutboxRow | None:
        stored = await get(self._cassandra, place)
        return stored.row if stored else None

    async def get(self, event_id: int) -> OutboxRow | None:
        place = await self._places.latest(event_id)
        if place is None:
            return None
        return await self._letters.get(place) or await self.at(place)

    async def delete(self, places: Collection[Place]) -> None:
        by_partition: dict[tuple[int, int], list[Place]] = defaultdict(list)
        for place in places:
            by_partition[bucket_of(place.sequence), shard_of(place.event_id)].append(place)
        asked = (
            self._cassandra.batch("outbox.delete", *map(delete, some[start : start + DELETED_AT_ONCE]))
            for some in by_partition.values()
            for start in range(0, len(some), DELETED_AT_ONCE)
        )
        await asyncio.gather(*asked)
        self._journal.forget(places)

    async def bury(self, place: Place, *, group: str, reason: str, at_us: int) -> None:
        stored = await get(self._cassandra, place)
        if stored is None:
            return
        # A letter has no journal. Who buries without having been handed the row leaves nothing undone either.
        await self._journal.apply(stored)
        # In this order: cut off in between it is buried again, for the row still waits.
        for statement, values in (*bury(stored.row, group=group, reason=reason, at_us=at_us), delete(place)):
            await self._cassandra.run(statement, *values)
        self._journal.forget([place])

    async def dead(self, *, after: int, limit: int, group: str = "") -> list[OutboxRow]:
        return await self._letters.after(after, limit=limit, group=group, now_us=self._clock.now_us())

    async def revive(self, event_ids: Collection[int]) -> list[int]:
        return [event_id for event_id in event_ids if await self._revive(event_id)]

    async def _revive(self, event_id: int) -> bool:
        buried = await self._places.latest(event_id)
        letter = await self._letters.get(buried) if buried else None
        if letter is None:
            return False
        # Later than what is written about the letter, whatever the clock says.
        at_us = max(self._clock.now_us(), committed_us(letter.sequence) + 10)
        place = await self._next_place(event_id, at_us=at_us)
        again = OutboxRow(place.sequence, letter.event, letter.created_us)
        await self._commit("outbox.revive", again, dig_up(letter.place), moved_to(place))
        return True

    async def wait_for_append(self, *, at_most: timedelta) -> None:
        try:
            async with asyncio.timeout(at_most.total_seconds()):
                await self._appended.wait()
        except TimeoutError:
            return
        self._appended.clear()


def _row(place: Place, event: OutboxEvent) -> OutboxRow:
    return OutboxRow(place.sequence, event, committed_us(place.sequence))
