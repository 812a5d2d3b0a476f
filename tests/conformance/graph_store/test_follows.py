"""Follows begin and end: what is written, and what is not."""

from __future__ import annotations

import asyncio

import pytest

from graph_svc.author_class import Stage
from graph_svc.model import FollowEdge, GraphCounts, Relationship
from mesh.errors import MeshError
from tests.conformance.graph_store.backends import Backend
from tests.conformance.graph_store.cases import (
    ANN,
    BOB,
    CYD,
    NOW,
    announced,
    at_stage,
    events,
    follow,
    followers,
    following,
    unfollow,
)


async def test_the_first_follow_gets_the_new_id_and_the_time(backend: Backend) -> None:
    edge = await follow(backend.store, ANN, BOB, edge_id=7)
    assert edge == FollowEdge(ANN, BOB, 7, NOW, NOW, is_live=True)
    assert await backend.store.followers(BOB, below_edge_id=0, limit=10) == [edge]
    assert await backend.store.following(ANN, below_edge_id=0, limit=10) == [edge]


async def test_a_later_follow_keeps_id_and_time_of_the_first(backend: Backend) -> None:
    await follow(backend.store, ANN, BOB, edge_id=7)
    await unfollow(backend.store, ANN, BOB, now_us=NOW + 10)
    edge = await follow(backend.store, ANN, BOB, edge_id=8, now_us=NOW + 20)
    assert edge == FollowEdge(ANN, BOB, 7, NOW, NOW + 20, is_live=True)
    assert await backend.store.followers(BOB, below_edge_id=0, limit=10) == [edge]


async def test_op_time_grows_though_the_clock_is_set_back(backend: Backend) -> None:
    await follow(backend.store, ANN, BOB)
    ended = await unfollow(backend.store, ANN, BOB, now_us=NOW - 1_000)
    again = await follow(backend.store, ANN, BOB, now_us=NOW - 2_000)
    assert ended is not None
    assert (ended.op_time_us, again.op_time_us) == (NOW + 1, NOW + 2)


async def test_an_end_is_returned_and_takes_the_follow_from_both_lists(backend: Backend) -> None:
    await follow(backend.store, ANN, BOB, edge_id=7)
    edge = await unfollow(backend.store, ANN, BOB, now_us=NOW + 10)
    assert edge == FollowEdge(ANN, BOB, 7, NOW, NOW + 10, is_live=False)
    assert await followers(backend.store, BOB) == []
    assert await following(backend.store, ANN) == []


async def test_both_counts_follow_the_edge(backend: Backend) -> None:
    await follow(backend.store, ANN, BOB)
    await follow(backend.store, CYD, BOB)
    assert await backend.store.counts([ANN, BOB]) == {ANN: GraphCounts(0, 1), BOB: GraphCounts(2, 0)}
    await unfollow(backend.store, ANN, BOB)
    assert await backend.store.counts([ANN, BOB]) == {ANN: GraphCounts(0, 0), BOB: GraphCounts(1, 0)}


async def test_each_change_is_announced_with_the_edge_as_it_is_then(backend: Backend) -> None:
    await follow(backend.store, ANN, BOB, edge_id=7)
    await unfollow(backend.store, ANN, BOB)
    assert await events(backend) == [f"{ANN} {BOB} began {NOW} 7", f"{ANN} {BOB} ended {NOW + 1} 7"]


async def test_a_live_follow_begun_again_is_returned_as_stored_and_not_announced(backend: Backend) -> None:
    edge = await follow(backend.store, ANN, BOB, edge_id=7)
    version = await backend.store.follows_version(ANN)
    assert await follow(backend.store, ANN, BOB, edge_id=8, now_us=NOW + 10) == edge
    assert await backend.store.counts([BOB]) == {BOB: GraphCounts(1, 0)}
    assert await backend.store.follows_version(ANN) == version
    assert len(await events(backend)) == 1


async def test_an_ended_follow_ended_again_is_returned_as_stored_and_not_announced(backend: Backend) -> None:
    await follow(backend.store, ANN, BOB)
    edge = await unfollow(backend.store, ANN, BOB)
    assert await unfollow(backend.store, ANN, BOB, now_us=NOW + 10) == edge
    assert await backend.store.counts([BOB]) == {BOB: GraphCounts(0, 0)}
    assert len(await events(backend)) == 2


async def test_ending_what_never_was_writes_nothing(backend: Backend) -> None:
    assert await unfollow(backend.store, ANN, BOB) is None
    assert await backend.store.counts([ANN, BOB]) == {ANN: GraphCounts(), BOB: GraphCounts()}
    assert await events(backend) == []


async def test_a_follow_whose_event_cannot_be_made_is_not_written(backend: Backend) -> None:
    def fails(_edge: FollowEdge) -> None:
        raise MeshError("INTERNAL", "no event")

    with pytest.raises(MeshError):
        await backend.store.follow(ANN, BOB, new_edge_id=7, now_us=NOW, announce=fails)  # type: ignore[arg-type]  # it never returns
    assert await followers(backend.store, BOB) == []
    assert await backend.store.counts([ANN, BOB]) == {ANN: GraphCounts(), BOB: GraphCounts()}
    assert await events(backend) == []


async def test_the_same_follow_of_two_processes_at_once_is_one(backend: Backend) -> None:
    stores = [backend.store, backend.second] * 10
    edges = await asyncio.gather(*(follow(store, ANN, BOB, edge_id=n) for n, store in enumerate(stores, start=1)))
    assert len(set(edges)) == 1
    assert await backend.store.counts([ANN, BOB]) == {ANN: GraphCounts(0, 1), BOB: GraphCounts(1, 0)}
    # Several may have written it, each with an event: they say the same.
    assert set(await events(backend)) == {f"{ANN} {BOB} began {NOW} {edges[0].edge_id}"}


async def test_follows_in_both_directions_are_two(backend: Backend) -> None:
    await follow(backend.store, ANN, BOB)
    await follow(backend.store, BOB, ANN)
    await unfollow(backend.store, ANN, BOB)
    assert await backend.store.counts([ANN, BOB]) == {ANN: GraphCounts(1, 0), BOB: GraphCounts(0, 1)}


async def test_relationships_are_in_the_order_asked(backend: Backend) -> None:
    await follow(backend.store, ANN, BOB)
    await follow(backend.store, CYD, ANN)
    stranger = 9_999
    assert await backend.store.relationships(ANN, [stranger, CYD, BOB, CYD]) == [
        Relationship(stranger, is_following=False, is_followed_by=False),
        Relationship(CYD, is_following=False, is_followed_by=True),
        Relationship(BOB, is_following=True, is_followed_by=False),
        Relationship(CYD, is_following=False, is_followed_by=True),
    ]
    assert await backend.store.relationships(ANN, []) == []


async def test_an_ended_follow_is_no_relationship(backend: Backend) -> None:
    await follow(backend.store, ANN, BOB)
    await unfollow(backend.store, ANN, BOB)
    assert await backend.store.relationships(ANN, [BOB]) == [Relationship(BOB, False, False)]
    assert await backend.store.relationships(BOB, [ANN]) == [Relationship(ANN, False, False)]


async def test_the_version_grows_with_every_change_of_the_users_own_follows(backend: Backend) -> None:
    versions = [await backend.store.follows_version(ANN)]
    for change in (follow, unfollow, follow):
        await change(backend.store, ANN, BOB)
        versions.append(await backend.store.follows_version(ANN))
    assert versions == sorted(set(versions))
    await follow(backend.store, CYD, ANN)
    assert await backend.store.follows_version(ANN) == versions[-1]


@pytest.mark.parametrize("stage", [Stage.INDEXING, Stage.INDEXED, Stage.PULL, Stage.PUSHING])
async def test_a_new_follower_of_an_author_that_is_not_pushed_pulls_at_once(backend: Backend, stage: Stage) -> None:
    await at_stage(backend.store, BOB, stage)
    await follow(backend.store, ANN, BOB)
    assert await backend.store.pulled_authors(ANN) == [BOB]
    await unfollow(backend.store, ANN, BOB)
    assert await backend.store.pulled_authors(ANN) == []


@pytest.mark.parametrize("stage", [Stage.PUSH, Stage.CLEANING])
async def test_a_new_follower_of_a_pushed_author_pulls_nothing(backend: Backend, stage: Stage) -> None:
    await at_stage(backend.store, BOB, stage)
    await follow(backend.store, ANN, BOB)
    assert await backend.store.pulled_authors(ANN) == []


async def test_a_second_process_sees_what_the_first_wrote(backend: Backend) -> None:
    edge = await backend.store.follow(ANN, BOB, new_edge_id=7, now_us=NOW, announce=announced)
    assert await backend.second.followers(BOB, below_edge_id=0, limit=10) == [edge]


async def test_the_store_answers(backend: Backend) -> None:
    await backend.store.ping()
