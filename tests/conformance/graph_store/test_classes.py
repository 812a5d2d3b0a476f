"""Stages of authors: each write of them holds only if nobody else was first, and the index follows the edges."""

from __future__ import annotations

import asyncio

import pytest

from graph_svc.author_class import UNSETTLED, Stage, Standing
from graph_svc.model import AuthorClass, GraphCounts
from graph_svc.store import GraphStore
from mesh.events.interface import OutboxEvent
from tests.conformance.graph_store.backends import Backend
from tests.conformance.graph_store.cases import (
    ANN,
    BOB,
    CYD,
    DAN,
    EVE,
    NOW,
    at_stage,
    events,
    follow,
    indexed,
    unfollow,
)

EVENT = OutboxEvent(5, "ev.graph.author_class_changed.00", b"to push")


async def three_followers(store: GraphStore) -> None:
    """Of EVE: ANN, BOB and CYD, the newest last."""
    for follower_id in (ANN, BOB, CYD):
        await follow(store, follower_id, EVE)


async def pullers(store: GraphStore) -> list[int]:
    """Those of ANN to DAN who pull EVE."""
    return [user_id for user_id in (ANN, BOB, CYD, DAN) if EVE in await store.pulled_authors(user_id)]


async def test_an_author_is_pushed_at_first(backend: Backend) -> None:
    assert await backend.store.standing(EVE) == Standing(EVE, Stage.PUSH, version=0)


async def test_a_stage_begins_with_its_event_in_the_same_write(backend: Backend) -> None:
    first = await backend.store.standing(EVE)
    begun = await backend.store.change_stage(first, Stage.PUSHING, now_us=NOW, announce=EVENT)
    assert begun is not None
    assert begun == Standing(EVE, Stage.PUSHING, NOW, 0, EVENT.event_id, begun.version)
    assert begun.version > first.version
    assert await backend.second.standing(EVE) == begun
    assert await events(backend) == ["to push"]


async def test_a_stage_without_event_announces_nothing(backend: Backend) -> None:
    begun = await at_stage(backend.store, EVE, Stage.INDEXED)
    assert (begun.event_id, begun.cursor) == (0, 0)
    assert await events(backend) == []


async def test_who_comes_second_writes_nothing(backend: Backend) -> None:
    seen = await backend.store.standing(EVE)
    begun = await at_stage(backend.second, EVE, Stage.INDEXING)
    assert await backend.store.change_stage(seen, Stage.PUSHING, now_us=NOW, announce=EVENT) is None
    assert await backend.store.standing(EVE) == begun
    assert await events(backend) == []


async def test_of_many_at_once_one_begins_the_stage(backend: Backend) -> None:
    seen = await backend.store.standing(EVE)
    stores = [backend.store, backend.second] * 5
    begun = await asyncio.gather(*(store.change_stage(seen, Stage.INDEXING, now_us=NOW) for store in stores))
    assert len([each for each in begun if each is not None]) == 1


async def test_a_version_is_never_seen_twice(backend: Backend) -> None:
    seen = await backend.store.standing(EVE)
    await at_stage(backend.store, EVE, Stage.INDEXING, Stage.PUSHING, Stage.CLEANING, Stage.PUSH)
    assert await backend.store.change_stage(seen, Stage.INDEXING, now_us=NOW) is None


async def test_classes_are_those_of_the_stages(backend: Backend) -> None:
    for stage, author_class in (
        (Stage.INDEXING, AuthorClass.BOTH),
        (Stage.INDEXED, AuthorClass.BOTH),
        (Stage.PULL, AuthorClass.PULL),
        (Stage.PUSHING, AuthorClass.BOTH),
        (Stage.CLEANING, AuthorClass.PUSH),
        (Stage.PUSH, AuthorClass.PUSH),
    ):
        await at_stage(backend.store, EVE, stage)
        assert await backend.store.counts([EVE]) == {EVE: GraphCounts(0, 0, author_class)}


async def test_unsettled_authors_are_listed_by_id(backend: Backend) -> None:
    for author_id, stage in zip((ANN, BOB, CYD, DAN), UNSETTLED, strict=True):
        await at_stage(backend.store, author_id, stage)
    await at_stage(backend.store, EVE, Stage.PULL)
    await at_stage(backend.store, EVE + 1, Stage.INDEXING, Stage.PUSH)
    listed = await backend.store.unsettled(above_author_id=0, limit=10)
    assert listed == [await backend.store.standing(author_id) for author_id in (ANN, BOB, CYD, DAN)]
    assert await backend.store.unsettled(above_author_id=ANN, limit=2) == listed[1:3]
    assert await backend.store.unsettled(above_author_id=DAN, limit=2) == []


async def test_followers_are_indexed_page_by_page(backend: Backend) -> None:
    await three_followers(backend.store)
    standing = await at_stage(backend.store, EVE, Stage.INDEXING)
    assert await pullers(backend.store) == []
    moved = await backend.store.index_followers(standing, limit=2)
    assert moved is not None
    assert moved.cursor > 0
    assert await pullers(backend.store) == [BOB, CYD]
    done = await backend.second.index_followers(moved, limit=2)
    assert done is not None
    assert (done.stage, done.cursor, done.since_us) == (Stage.INDEXING, 0, NOW)
    assert await pullers(backend.store) == [ANN, BOB, CYD]
    assert await backend.store.drifts() == []


async def test_a_full_last_page_is_followed_by_an_empty_one(backend: Backend) -> None:
    await three_followers(backend.store)
    standing = await at_stage(backend.store, EVE, Stage.INDEXING)
    moved = await backend.store.index_followers(standing, limit=3)
    assert moved is not None
    assert moved.cursor > 0
    done = await backend.store.index_followers(moved, limit=3)
    assert done is not None
    assert done.cursor == 0


async def test_a_page_indexed_by_another_first_is_not_indexed_again(backend: Backend) -> None:
    await three_followers(backend.store)
    standing = await at_stage(backend.store, EVE, Stage.INDEXING)
    moved = await backend.second.index_followers(standing, limit=1)
    assert await backend.store.index_followers(standing, limit=3) is None
    assert await pullers(backend.store) == [CYD]
    assert await backend.store.standing(EVE) == moved


async def test_an_ended_follow_is_not_indexed(backend: Backend) -> None:
    await three_followers(backend.store)
    await unfollow(backend.store, BOB, EVE)
    await indexed(backend.store, EVE)
    assert await pullers(backend.store) == [ANN, CYD]


async def test_follows_in_the_middle_of_indexing_are_indexed(backend: Backend) -> None:
    await three_followers(backend.store)
    await unfollow(backend.store, ANN, EVE)
    standing = await at_stage(backend.store, EVE, Stage.INDEXING)
    moved = await backend.store.index_followers(standing, limit=1)
    assert moved is not None
    await follow(backend.store, DAN, EVE)  # above the cursor
    await follow(backend.store, ANN, EVE)  # below it, with its old id
    await backend.store.index_followers(moved, limit=10)
    assert await pullers(backend.store) == [ANN, BOB, CYD, DAN]


async def test_indexing_begun_again_begins_at_the_newest(backend: Backend) -> None:
    await three_followers(backend.store)
    first = await at_stage(backend.store, EVE, Stage.INDEXING)
    await backend.store.index_followers(first, limit=1)
    await at_stage(backend.store, EVE, Stage.PUSHING)
    again = await indexed(backend.store, EVE)
    assert again.version > first.version
    assert await pullers(backend.store) == [ANN, BOB, CYD]


async def test_followers_are_taken_out_of_the_index_page_by_page(backend: Backend) -> None:
    await three_followers(backend.store)
    await indexed(backend.store, EVE)
    standing = await at_stage(backend.store, EVE, Stage.CLEANING)
    moved = await backend.store.unindex_followers(standing, limit=2)
    assert moved is not None
    assert moved.cursor > 0
    assert await pullers(backend.store) == [ANN]
    done = await backend.second.unindex_followers(moved, limit=2)
    assert done is not None
    assert (done.stage, done.cursor, done.since_us) == (Stage.CLEANING, 0, NOW)
    assert await pullers(backend.store) == []


async def test_an_author_that_was_moved_on_is_not_taken_out_of_the_index(backend: Backend) -> None:
    await three_followers(backend.store)
    await indexed(backend.store, EVE)
    cleaning = await at_stage(backend.store, EVE, Stage.CLEANING)
    await indexed(backend.second, EVE)
    assert await backend.store.unindex_followers(cleaning, limit=10) is None
    assert await pullers(backend.store) == [ANN, BOB, CYD]


async def test_other_authors_stay_in_the_index(backend: Backend) -> None:
    await three_followers(backend.store)
    await follow(backend.store, ANN, DAN)
    await indexed(backend.store, DAN)
    await indexed(backend.store, EVE)
    assert await backend.store.pulled_authors(ANN) == [DAN, EVE]
    cleaning = await at_stage(backend.store, EVE, Stage.CLEANING)
    await backend.store.unindex_followers(cleaning, limit=10)
    assert await backend.store.pulled_authors(ANN) == [DAN]


async def test_the_version_of_a_follower_grows_when_the_index_changes(backend: Backend) -> None:
    await three_followers(backend.store)
    versions = [await backend.store.follows_version(ANN)]
    await indexed(backend.store, EVE)
    versions.append(await backend.store.follows_version(ANN))
    cleaning = await at_stage(backend.store, EVE, Stage.CLEANING)
    await backend.store.unindex_followers(cleaning, limit=10)
    versions.append(await backend.store.follows_version(ANN))
    assert versions == sorted(set(versions))


@pytest.mark.parametrize("stage", [Stage.INDEXED, Stage.PULL])
async def test_a_follower_missing_in_the_index_is_a_drift(backend: Backend, stage: Stage) -> None:
    await three_followers(backend.store)
    await at_stage(backend.store, EVE, stage)  # without indexing
    drifts = await backend.store.drifts()
    assert [(drift.user_id, drift.kept, drift.actual) for drift in drifts] == [(EVE, 0, 3)]


async def test_a_follower_left_in_the_index_is_a_drift(backend: Backend) -> None:
    await three_followers(backend.store)
    await indexed(backend.store, EVE)
    await at_stage(backend.store, EVE, Stage.PUSH)  # without cleaning
    drifts = await backend.store.drifts()
    assert [(drift.user_id, drift.kept, drift.actual) for drift in drifts] == [(EVE, 3, 0)]
