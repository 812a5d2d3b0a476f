"""Ids are unique whatever the clock does, and refused rather than risked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mesh.clock import Clock, FrozenClock, from_us, to_us
from mesh.errors import Unavailable
from mesh.ids import MOST_DRIFT, RENEWAL, STEADY, IdSource, LeasedIds, first_id_at, id_time_us, lease_ids
from mesh.storage.cassandra_id_leases import CassandraIdLeases
from mesh.storage.id_leases import IdLeases, Lease, SqliteIdLeases
from mesh.storage.sqlite import open_database
from tests.support.cassandra import open_keyspace
from tests.support.ids import CountingIds
from tests.support.wait_until import wait_until
from tests.support.wrong_clock import WrongClock

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class StoreAway(IdLeases):
    """Leases of a store that can be cut off."""

    def __init__(self, leases: IdLeases) -> None:
        self._leases = leases
        self.is_away = False

    async def acquire(self, *, owner: str, now_ms: int) -> Lease | None:
        self._check()
        return await self._leases.acquire(owner=owner, now_ms=now_ms)

    async def renew(self, lease: Lease, *, now_ms: int) -> Lease | None:
        self._check()
        return await self._leases.renew(lease, now_ms=now_ms)

    def _check(self) -> None:
        if self.is_away:
            raise Unavailable.backend("the store")


@pytest.fixture(params=["sqlite", "cassandra"])
async def leases(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StoreAway]:
    if request.param == "cassandra":
        async with open_keyspace("tweet") as cassandra:
            yield StoreAway(CassandraIdLeases(cassandra))
        return
    (tmp_path / "schema").mkdir()
    async with open_database(tmp_path / "a.db", component="a", schema=tmp_path / "schema") as database:
        yield StoreAway(SqliteIdLeases(database))


@pytest.fixture
def clock() -> WrongClock:
    return WrongClock()


async def started(leases: IdLeases, clock: Clock, *, service: str = "tweet") -> LeasedIds:
    ids = LeasedIds(leases, service=service, owner="a test", clock=clock)
    await ids.keep()
    return ids


async def pass_time(ids: LeasedIds, clock: WrongClock, *, seconds: int) -> None:
    """Let the keeper do its work, second by second, while the true time passes."""
    for _ in range(seconds):
        clock.true.advance(SECOND)
        await ids.keep()


def worker_of(identifier: int) -> int:
    return identifier >> 12 & 0x3FF


def ahead_of(clock: WrongClock, identifier: int) -> timedelta:
    return timedelta(microseconds=id_time_us(identifier) - clock.true.now_us())


def is_refused(ids: IdSource) -> bool:
    try:
        ids.next_id()
    except Unavailable:
        return True
    return False


async def test_an_id_holds_its_time_its_worker_and_a_sequence(leases: StoreAway, clock: WrongClock) -> None:
    ids = await started(leases, clock, service="graph")
    first, second = ids.next_id(), ids.next_id()
    assert id_time_us(first) == clock.now_us()
    assert worker_of(first) == 2 * 128
    assert second == first + 1
    assert len(str(first)) == 19


async def test_an_unknown_service_is_a_mistake(leases: StoreAway, clock: WrongClock) -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        LeasedIds(leases, service="nobody", owner="a test", clock=clock)


def test_first_id_at_is_the_lowest_of_its_millisecond() -> None:
    instant = to_us(datetime(2026, 5, 1, tzinfo=UTC))
    assert id_time_us(first_id_at(instant)) == instant
    assert id_time_us(first_id_at(instant) - 1) < instant
    assert from_us(id_time_us(first_id_at(instant))).year == 2026
    assert first_id_at(0) == 0


async def test_more_ids_than_fit_in_a_millisecond_go_to_the_next(leases: StoreAway, clock: WrongClock) -> None:
    ids = await started(leases, clock)
    many = [ids.next_id() for _ in range(10_000)]
    assert many == sorted(set(many))
    assert {worker_of(identifier) for identifier in many} == {128}
    assert ahead_of(clock, many[-1]) <= timedelta(milliseconds=3)


@pytest.mark.parametrize("step", [SECOND, 60 * SECOND, DAY], ids=["1 s", "60 s", "1 day"])
async def test_a_clock_set_back_never_repeats_an_id(leases: StoreAway, clock: WrongClock, step: timedelta) -> None:
    ids = await started(leases, clock)
    before = [ids.next_id() for _ in range(5_000)]
    clock.error = -step
    after = [] if is_refused(ids) else [ids.next_id() for _ in range(5_000)]
    assert bool(after) == (step < MOST_DRIFT)
    await pass_time(ids, clock, seconds=15)
    after += [ids.next_id() for _ in range(5_000)]
    assert len({*before, *after}) == len(before) + len(after)
    for worker in {worker_of(identifier) for identifier in (*before, *after)}:
        of_worker = [identifier for identifier in (*before, *after) if worker_of(identifier) == worker]
        assert of_worker == sorted(of_worker)


@pytest.mark.parametrize("step", [SECOND, 60 * SECOND, DAY], ids=["1 s", "60 s", "1 day"])
async def test_a_clock_set_back_across_a_restart_never_repeats_an_id(
    leases: StoreAway, clock: WrongClock, step: timedelta
) -> None:
    ids = await started(leases, clock)
    before = {ids.next_id() for _ in range(5_000)}
    clock.error = -step
    again = await started(leases, clock)
    after = {again.next_id() for _ in range(5_000)}
    assert not before & after


async def test_a_clock_that_jumps_ahead_cannot_take_the_ids_with_it(leases: StoreAway, clock: WrongClock) -> None:
    ids = await started(leases, clock)
    before = ids.next_id()
    clock.error = HOUR
    assert is_refused(ids)
    await pass_time(ids, clock, seconds=int(STEADY.total_seconds()) - 2)
    assert is_refused(ids)
    clock.error = timedelta()
    await pass_time(ids, clock, seconds=int(STEADY.total_seconds()) + 2)
    after = ids.next_id()
    assert after > before
    assert ahead_of(clock, after) <= timedelta(seconds=10)


async def test_after_a_sleep_of_the_machine_ids_are_given_again(leases: StoreAway, clock: WrongClock) -> None:
    ids = await started(leases, clock)
    clock.error = 8 * HOUR
    await pass_time(ids, clock, seconds=int(STEADY.total_seconds()) + 2)
    assert id_time_us(ids.next_id()) == clock.now_us() // 1_000 * 1_000


async def test_the_lease_outlives_its_first_range_while_it_is_renewed(leases: StoreAway, clock: WrongClock) -> None:
    ids = await started(leases, clock)
    workers = set()
    for _ in range(60):
        await pass_time(ids, clock, seconds=1)
        workers.add(worker_of(ids.next_id()))
    assert workers == {128}


async def test_two_owners_of_one_number_in_turn_never_give_the_same_id(leases: StoreAway, clock: WrongClock) -> None:
    stalled = await started(leases, clock)
    before = {stalled.next_id() for _ in range(100)}
    clock.true.advance(20 * SECOND)
    successor = await started(leases, clock)
    theirs = {successor.next_id() for _ in range(100)}
    assert {worker_of(identifier) for identifier in theirs} == {128}
    assert is_refused(stalled), "its range is over"
    clock.error = -19 * SECOND
    ours = set() if is_refused(stalled) else {stalled.next_id() for _ in range(100)}
    assert not theirs & (ours | before)
    clock.error = timedelta()
    await stalled.keep()
    assert worker_of(stalled.next_id()) == 129


async def test_a_successor_begins_above_the_range_of_a_number(leases: StoreAway, clock: WrongClock) -> None:
    now_ms = clock.now_us() // 1_000
    first = await leases.acquire(owner="first", now_ms=now_ms)
    assert first is not None
    second = await leases.acquire(owner="second", now_ms=first.until_ms + 1)
    assert second is not None
    assert second.number == first.number
    assert second.after_ms == first.until_ms
    assert await leases.renew(first, now_ms=now_ms) is None
    assert await leases.renew(second, now_ms=now_ms) == second


async def test_a_successor_whose_clock_is_set_back_stays_above_the_range(leases: StoreAway, clock: WrongClock) -> None:
    first = await started(leases, clock)
    clock.true.advance(timedelta(seconds=10))
    before = {first.next_id() for _ in range(100)}
    clock.true.advance(timedelta(milliseconds=1))
    successor = await started(leases, clock)
    clock.error = timedelta(milliseconds=-1)
    after = {successor.next_id() for _ in range(100)}
    assert {worker_of(identifier) for identifier in (*before, *after)} == {128}
    assert not before & after


async def test_many_owners_hold_distinct_numbers(leases: StoreAway, clock: WrongClock) -> None:
    owners = [await started(leases, clock) for _ in range(16)]
    many = [ids.next_id() for ids in owners for _ in range(500)]
    assert len(set(many)) == len(many)
    assert len({worker_of(identifier) for identifier in many}) == 16


async def test_when_every_number_is_held_ids_are_refused(leases: StoreAway, clock: WrongClock) -> None:
    for _ in range(128):
        assert not is_refused(await started(leases, clock))
    assert is_refused(await started(leases, clock))


async def test_a_store_that_is_away_at_the_start_means_no_ids_and_never_a_default_number(
    leases: StoreAway, clock: WrongClock
) -> None:
    leases.is_away = True
    ids = await started(leases, clock)
    assert is_refused(ids)
    leases.is_away = False
    await pass_time(ids, clock, seconds=1)
    assert not is_refused(ids)


async def test_a_store_that_is_away_lets_the_range_run_out(leases: StoreAway, clock: WrongClock) -> None:
    ids = await started(leases, clock)
    leases.is_away = True
    await pass_time(ids, clock, seconds=10)
    assert not is_refused(ids)
    await pass_time(ids, clock, seconds=1)
    assert is_refused(ids)
    leases.is_away = False
    await pass_time(ids, clock, seconds=1)
    assert not is_refused(ids)


async def test_opening_gives_ids_at_once(leases: StoreAway) -> None:
    clock = FrozenClock()
    async with (
        lease_ids(leases, service="user", clock=clock) as first,
        lease_ids(leases, service="user", clock=clock) as second,
    ):
        assert [worker_of(ids.next_id()) for ids in (first, second)] == [0, 1]


async def test_after_a_stall_the_lease_is_renewed_at_the_first_refusal(leases: StoreAway) -> None:
    clock = FrozenClock()
    async with lease_ids(leases, service="user", clock=clock) as ids:
        before = ids.next_id()
        clock.advance(HOUR)
        await wait_until(lambda: not is_refused(ids), at_most=RENEWAL.total_seconds() * 0.8)
        assert ids.next_id() > before


def test_counting_ids_are_foreseen() -> None:
    ids = CountingIds(start=7)
    assert [ids.next_id(), ids.next_id()] == [7, 8]
