"""The suites bite: a store that breaks one promise fails the test of it, and any sequence finds the broken counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import apsw
import pytest
from hypothesis import Phase, settings

from graph_svc.author_class import Stage, Standing
from graph_svc.model import Drift, FollowEdge
from graph_svc.store.cassandra import CassandraGraphStore
from graph_svc.store.interface import Announce
from graph_svc.store.sqlite import SqliteGraphStore
from mesh.events.interface import OutboxEvent
from mesh.storage.outbox import append
from tests.conformance.graph_store import test_at_the_same_time, test_classes, test_follows, test_lists
from tests.conformance.graph_store.backends import Backend, open_cassandra, open_sqlite
from tests.conformance.graph_store.cases import ANN, EVE, follow, indexed, unfollow
from tests.conformance.graph_store.machine import run_machine


class Broken(SqliteGraphStore):
    """What the broken stores below share: a statement of their own after the right ones."""

    async def _after(self, statement: str, *bindings: int) -> None:
        await self._database.write(lambda connection: connection.execute(statement, bindings).fetchall())


class NewIdForEachFollow(Broken):
    async def follow(
        self, follower_id: int, followee_id: int, *, new_edge_id: int, now_us: int, announce: Announce
    ) -> FollowEdge:
        edge = await super().follow(follower_id, followee_id, new_edge_id=new_edge_id, now_us=now_us, announce=announce)
        await self._after(
            "UPDATE follows SET edge_id = ? WHERE follower_id = ? AND followee_id = ?",
            *(new_edge_id, follower_id, followee_id),
        )
        return replace(edge, edge_id=new_edge_id)


class EachFollowCounts(Broken):
    async def follow(
        self, follower_id: int, followee_id: int, *, new_edge_id: int, now_us: int, announce: Announce
    ) -> FollowEdge:
        before = await self.counts([followee_id])
        edge = await super().follow(follower_id, followee_id, new_edge_id=new_edge_id, now_us=now_us, announce=announce)
        await self._after(
            "UPDATE user_counts SET followers_count = ? WHERE user_id = ?",
            *(before[followee_id].followers_count + 1, followee_id),
        )
        return edge


class EachFollowIsAnnounced(Broken):
    async def follow(
        self, follower_id: int, followee_id: int, *, new_edge_id: int, now_us: int, announce: Announce
    ) -> FollowEdge:
        edge = await super().follow(follower_id, followee_id, new_edge_id=new_edge_id, now_us=now_us, announce=announce)

        def work(connection: apsw.Connection) -> None:
            append(connection, announce(replace(edge, op_time_us=now_us)), at_us=now_us)

        await self._database.write(work)
        return edge


class OpTimeIsTheClock(Broken):
    async def unfollow(
        self, follower_id: int, followee_id: int, *, now_us: int, announce: Announce
    ) -> FollowEdge | None:
        edge = await super().unfollow(follower_id, followee_id, now_us=now_us, announce=announce)
        return replace(edge, op_time_us=now_us) if edge else None


class FollowWithoutItsEvent(Broken):
    async def follow(
        self, follower_id: int, followee_id: int, *, new_edge_id: int, now_us: int, announce: Announce
    ) -> FollowEdge:
        edge = await super().follow(follower_id, followee_id, new_edge_id=new_edge_id, now_us=now_us, announce=announce)
        await self._after("DELETE FROM outbox")
        return edge


class EventBeforeTheEdge(Broken):
    async def follow(
        self, follower_id: int, followee_id: int, *, new_edge_id: int, now_us: int, announce: Announce
    ) -> FollowEdge:
        edge = await super().follow(
            follower_id, followee_id, new_edge_id=new_edge_id, now_us=now_us, announce=lambda _: OutboxEvent(1, "", b"")
        )
        announce(edge)
        return edge


class EndedFollowsStayIndexed(Broken):
    async def unfollow(
        self, follower_id: int, followee_id: int, *, now_us: int, announce: Announce
    ) -> FollowEdge | None:
        was_indexed = followee_id in await self.pulled_authors(follower_id)
        edge = await super().unfollow(follower_id, followee_id, now_us=now_us, announce=announce)
        if was_indexed:
            await self._after("INSERT INTO following_pull VALUES (?, ?)", follower_id, followee_id)
        return edge


class NewFollowersWaitForTheJob(Broken):
    async def follow(
        self, follower_id: int, followee_id: int, *, new_edge_id: int, now_us: int, announce: Announce
    ) -> FollowEdge:
        edge = await super().follow(follower_id, followee_id, new_edge_id=new_edge_id, now_us=now_us, announce=announce)
        await self._after(
            "DELETE FROM following_pull WHERE follower_id = ? AND author_id = ?", follower_id, followee_id
        )
        return edge


class OldestFirst(Broken):
    async def followers(self, user_id: int, *, below_edge_id: int, limit: int) -> list[FollowEdge]:
        return (await super().followers(user_id, below_edge_id=below_edge_id, limit=limit))[::-1]


class PagesOverlap(Broken):
    async def following(self, user_id: int, *, below_edge_id: int, limit: int) -> list[FollowEdge]:
        return await super().following(user_id, below_edge_id=below_edge_id and below_edge_id + 1, limit=limit)


class AnyoneBeginsAStage(Broken):
    async def change_stage(
        self, standing: Standing, stage: Stage, *, now_us: int, announce: OutboxEvent | None = None
    ) -> Standing | None:
        present = await self.standing(standing.author_id)
        return await super().change_stage(present, stage, now_us=now_us, announce=announce)


class VersionsComeAgain(Broken):
    async def change_stage(
        self, standing: Standing, stage: Stage, *, now_us: int, announce: OutboxEvent | None = None
    ) -> Standing | None:
        begun = await super().change_stage(standing, stage, now_us=now_us, announce=announce)
        if stage is Stage.PUSH:
            await self._after("DELETE FROM author_standings WHERE author_id = ?", standing.author_id)
        return begun


class AnyoneIndexes(Broken):
    async def index_followers(self, standing: Standing, *, limit: int) -> Standing | None:
        return await super().index_followers(await self.standing(standing.author_id), limit=limit)


class AnyoneUnindexes(Broken):
    async def unindex_followers(self, standing: Standing, *, limit: int) -> Standing | None:
        return await super().unindex_followers(await self.standing(standing.author_id), limit=limit)


class IndexLeavesTheVersion(Broken):
    async def index_followers(self, standing: Standing, *, limit: int) -> Standing | None:
        moved = await super().index_followers(standing, limit=limit)
        await self._after("UPDATE user_counts SET follows_version = 1")
        return moved


Promise = Callable[[Backend], Awaitable[None]]

CASES: list[tuple[type[Broken], Promise]] = [
    (NewIdForEachFollow, test_follows.test_a_later_follow_keeps_id_and_time_of_the_first),
    (NewIdForEachFollow, test_lists.test_a_follow_begun_again_has_its_old_place),
    (EachFollowCounts, test_follows.test_a_live_follow_begun_again_is_returned_as_stored_and_not_announced),
    (EachFollowIsAnnounced, test_follows.test_a_live_follow_begun_again_is_returned_as_stored_and_not_announced),
    (OpTimeIsTheClock, test_follows.test_op_time_grows_though_the_clock_is_set_back),
    (FollowWithoutItsEvent, test_follows.test_each_change_is_announced_with_the_edge_as_it_is_then),
    (EventBeforeTheEdge, test_follows.test_a_follow_whose_event_cannot_be_made_is_not_written),
    (
        EndedFollowsStayIndexed,
        partial(test_follows.test_a_new_follower_of_an_author_that_is_not_pushed_pulls_at_once, stage=Stage.PULL),
    ),
    (NewFollowersWaitForTheJob, test_classes.test_follows_in_the_middle_of_indexing_are_indexed),
    (OldestFirst, test_lists.test_followers_are_newest_edge_first),
    (PagesOverlap, test_lists.test_pages_of_following_go_down_from_an_edge),
    (AnyoneBeginsAStage, test_classes.test_who_comes_second_writes_nothing),
    (VersionsComeAgain, test_classes.test_a_version_is_never_seen_twice),
    (AnyoneIndexes, test_classes.test_a_page_indexed_by_another_first_is_not_indexed_again),
    (AnyoneUnindexes, test_classes.test_an_author_that_was_moved_on_is_not_taken_out_of_the_index),
    (IndexLeavesTheVersion, test_classes.test_the_version_of_a_follower_grows_when_the_index_changes),
]


@pytest.mark.parametrize(("broken", "promise"), CASES, ids=lambda case: getattr(case, "__name__", None))
async def test_a_broken_promise_is_seen(broken: type[Broken], promise: Promise, tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, broken) as backend:
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            await promise(backend)


async def test_counts_and_an_index_that_are_not_the_edges_are_drifts(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, EachFollowCounts) as backend:
        await follow(backend.store, ANN, EVE)
        await follow(backend.store, ANN, EVE)
        assert await backend.store.drifts() == [Drift(EVE, "followers", kept=2, actual=1)]
    async with open_sqlite(tmp_path / "other", EndedFollowsStayIndexed) as backend:
        await follow(backend.store, ANN, EVE)
        await indexed(backend.store, EVE)
        await unfollow(backend.store, ANN, EVE)
        assert await backend.store.drifts() == [Drift(EVE, "indexed strangers", kept=1, actual=0)]


BROKEN = (NewIdForEachFollow, EachFollowCounts, EndedFollowsStayIndexed, NewFollowersWaitForTheJob, OldestFirst)
# The same sequences in every run: it must not depend on luck whether one is found.
QUICK = settings(
    max_examples=200,
    stateful_step_count=30,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)


@pytest.mark.parametrize("broken", BROKEN)
def test_any_sequence_finds_it(broken: type[Broken], tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        run_machine(partial(open_sqlite, store_class=broken), tmp_path, QUICK)


class NobodyClaims(CassandraGraphStore):
    async def _claim(self, follower_id: int, followee_id: int, edge_id: int, created_us: int) -> tuple[int, int]:
        await super()._claim(follower_id, followee_id, edge_id, created_us)
        return edge_id, created_us


class NothingIsCompleted(CassandraGraphStore):
    async def _complete(self, edge: FollowEdge) -> None:
        """Left to nobody."""


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (NobodyClaims, test_follows.test_the_same_follow_of_two_processes_at_once_is_one),
        (NothingIsCompleted, test_follows.test_both_counts_follow_the_edge),
        (NothingIsCompleted, test_at_the_same_time.test_what_was_written_unheard_is_completed_for_its_event),
    ],
)
async def test_a_broken_promise_is_seen_on_cassandra(
    broken: type[CassandraGraphStore], promise: Promise, tmp_path: Path
) -> None:
    async with open_cassandra(tmp_path, broken) as backend:
        with pytest.raises(AssertionError):
            await promise(backend)


def test_any_sequence_finds_it_on_cassandra(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        run_machine(partial(open_cassandra, store_class=NothingIsCompleted), tmp_path, QUICK)
