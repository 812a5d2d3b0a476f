"""Leases of worker numbers on Cassandra, when answers get lost, several ask at once, and writes come late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from mesh.errors import Unavailable
from mesh.storage.cassandra import Cassandra, Row, Statement
from mesh.storage.cassandra_id_leases import CassandraIdLeases
from mesh.storage.id_leases import LEASE_MS, Lease
from tests.conformance.tweet_store.between import Between, LosesAnswers, LosesCalls
from tests.support.cassandra import open_keyspace

NOW_MS = 1_800_000_000_000


@pytest.fixture
async def cassandra() -> AsyncIterator[Cassandra]:
    async with open_keyspace("tweet") as opened:
        yield opened


@pytest.fixture
def leases(cassandra: Cassandra) -> CassandraIdLeases:
    return CassandraIdLeases(cassandra)


async def acquire(leases: CassandraIdLeases, *, owner: str = "one", now_ms: int = NOW_MS) -> Lease:
    lease = await leases.acquire(owner=owner, now_ms=now_ms)
    assert lease is not None
    return lease


async def test_a_lease_whose_answer_was_lost_is_held_all_the_same(cassandra: Cassandra) -> None:
    leases = CassandraIdLeases(LosesAnswers(cassandra, "id_leases.take"))
    assert await acquire(leases) == Lease(0, 1, -1, NOW_MS + LEASE_MS)
    assert (await acquire(leases, owner="other")).number == 1


async def test_a_number_that_was_not_to_be_had_is_left_for_another(cassandra: Cassandra) -> None:
    leases = CassandraIdLeases(LosesCalls(cassandra, "id_leases.take"))
    assert (await acquire(leases)).number > 0
    assert (await acquire(leases, owner="other")).number == 0


async def test_a_renewal_whose_answer_was_lost_counts(cassandra: Cassandra, leases: CassandraIdLeases) -> None:
    lease = await acquire(leases)
    losing = CassandraIdLeases(LosesAnswers(cassandra, "id_leases.renew"))
    renewed = await losing.renew(lease, now_ms=NOW_MS + 3_000)
    assert renewed == Lease(0, 1, -1, NOW_MS + 3_000 + LEASE_MS)


async def test_a_renewal_that_was_not_done_keeps_the_old_end(cassandra: Cassandra, leases: CassandraIdLeases) -> None:
    lease = await acquire(leases)
    losing = CassandraIdLeases(LosesCalls(cassandra, "id_leases.renew"))
    assert await losing.renew(lease, now_ms=NOW_MS + 3_000) == lease


async def test_while_nothing_is_known_nothing_is_held(cassandra: Cassandra) -> None:
    class Away(Between):
        async def run(self, statement: Statement, *values: object) -> list[Row]:
            raise Unavailable.backend("the store")

    with pytest.raises(Unavailable):
        await CassandraIdLeases(Away(cassandra)).acquire(owner="one", now_ms=NOW_MS)


async def test_a_renewal_that_is_carried_out_late_moves_no_end_back(leases: CassandraIdLeases) -> None:
    first = await acquire(leases)
    second = await leases.renew(first, now_ms=NOW_MS + 5_000)
    assert second is not None
    assert await leases.renew(first, now_ms=NOW_MS + 1_000) == second
    successor = await acquire(leases, owner="other", now_ms=second.until_ms + 1)
    assert (successor.number, successor.after_ms) == (0, second.until_ms)


class Meanwhile(Between):
    """Something happens just before a number is taken."""

    def __init__(self, cassandra: Cassandra, happens: Callable[[], Awaitable[object]]) -> None:
        super().__init__(cassandra)
        self._happens = happens

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        if statement.name == "id_leases.take":
            await self._happens()
        return await super().run(statement, *values)


async def test_a_range_that_grew_since_it_was_looked_at_is_not_taken(
    cassandra: Cassandra, leases: CassandraIdLeases
) -> None:
    stalled = await acquire(leases)
    later_ms = stalled.until_ms + 1

    async def wake() -> None:
        assert await leases.renew(stalled, now_ms=later_ms) is not None

    taken = await acquire(CassandraIdLeases(Meanwhile(cassandra, wake)), owner="other", now_ms=later_ms)
    assert taken.number != stalled.number


async def test_a_number_that_another_took_while_the_answer_was_lost_is_left_alone(
    cassandra: Cassandra, leases: CassandraIdLeases
) -> None:
    losing = LosesCalls(cassandra, "id_leases.take")
    others: list[Lease] = []

    async def take_first() -> None:
        if not others:
            others.append(await acquire(leases, owner="other"))

    taken = await acquire(CassandraIdLeases(Meanwhile(losing, take_first)))
    assert taken.number != others[0].number


async def test_many_who_ask_at_once_get_numbers_of_their_own(leases: CassandraIdLeases) -> None:
    got = await asyncio.gather(*(acquire(leases, owner=f"owner {number}") for number in range(12)))
    assert len({lease.number for lease in got}) == 12
