"""How viewers stand to authors while graph_svc answers, and while it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from mesh.clock import FrozenClock
from mesh.errors import Unavailable
from timeline_svc.home.contexts import PATIENCE, VIEWERS_REMEMBERED, Standing, Standings
from views.clients.graph import ReadContexts
from views.model import ReadContext

ANN, BOB, CYD, STAR = 1, 2, 3, 9


class Follows(ReadContexts):
    """ANN follows BOB, and STAR who is pulled; nobody follows CYD."""

    def __init__(self) -> None:
        self.is_away = False
        self.is_frozen = False
        self.takes = timedelta()

    async def get(self, viewer_id: int, author_ids: Sequence[int]) -> ReadContext:
        if self.is_away:
            raise Unavailable.backend("graph")
        if self.is_frozen:
            await asyncio.Event().wait()
        await asyncio.sleep(self.takes.total_seconds())
        return ReadContext((STAR,), frozenset({BOB}.intersection(author_ids)))


@pytest.fixture
def follows() -> Follows:
    return Follows()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def standings(follows: Follows, clock: FrozenClock) -> Standings:
    return Standings(follows, clock=clock)


async def test_pulled_authors_are_followed_without_being_asked_for(standings: Standings) -> None:
    assert await standings.get(ANN, [BOB, CYD]) == Standing((STAR,), frozenset({BOB, STAR}))


async def test_an_answer_of_the_last_minute_stands_in_and_is_called_stale(
    standings: Standings, follows: Follows, clock: FrozenClock
) -> None:
    await standings.get(ANN, [BOB, CYD])
    follows.is_away = True
    clock.advance(timedelta(seconds=60))
    assert await standings.get(ANN, [CYD, BOB]) == Standing((STAR,), frozenset({BOB, STAR}), is_stale=True)
    clock.advance(timedelta(seconds=1))
    with pytest.raises(Unavailable):
        await standings.get(ANN, [BOB])


async def test_a_graph_that_hangs_counts_as_away(standings: Standings, follows: Follows) -> None:
    await standings.get(ANN, [BOB])
    follows.is_frozen = True
    assert (await standings.get(ANN, [BOB])).is_stale


async def test_a_slow_graph_is_waited_for_when_what_is_known_is_not_enough(
    standings: Standings, follows: Follows
) -> None:
    await standings.get(ANN, [BOB])
    follows.takes = PATIENCE * 1.5
    assert await standings.get(ANN, [BOB, CYD]) == Standing((STAR,), frozenset({BOB, STAR}))
    assert (await standings.get(ANN, [BOB, CYD])).is_stale


async def test_the_page_before_the_newest_is_remembered_too(standings: Standings, follows: Follows) -> None:
    await standings.get(ANN, [CYD])
    await standings.get(ANN, [BOB])
    follows.is_away = True
    assert (await standings.get(ANN, [BOB, CYD])).followed_ids == {BOB, STAR}


async def test_nothing_is_assumed_of_an_author_who_was_not_asked_about(standings: Standings, follows: Follows) -> None:
    await standings.get(ANN, [BOB])
    follows.is_away = True
    with pytest.raises(Unavailable):
        await standings.get(ANN, [BOB, CYD])


async def test_one_viewers_follows_say_nothing_of_another(standings: Standings, follows: Follows) -> None:
    await standings.get(ANN, [BOB])
    follows.is_away = True
    with pytest.raises(Unavailable):
        await standings.get(CYD, [BOB])


async def test_the_viewers_seen_longest_ago_are_forgotten_first(standings: Standings, follows: Follows) -> None:
    for viewer_id in range(100, 100 + VIEWERS_REMEMBERED + 1):
        await standings.get(viewer_id, [])
    follows.is_away = True
    with pytest.raises(Unavailable):
        await standings.get(100, [])
    assert (await standings.get(101, [])).is_stale
