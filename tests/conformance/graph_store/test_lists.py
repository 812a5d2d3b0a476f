"""Lists: newest edge first, live follows only, each page below the last edge of the one before."""

from __future__ import annotations

from graph_svc.author_class import Stage
from graph_svc.model import AuthorClass, Followee, FollowerIds, GraphCounts
from graph_svc.store import GraphStore
from tests.conformance.graph_store.backends import Backend
from tests.conformance.graph_store.cases import (
    ANN,
    BOB,
    CYD,
    DAN,
    EVE,
    at_stage,
    follow,
    followers,
    following,
    indexed,
    unfollow,
)


async def four_followers(store: GraphStore) -> None:
    """Of EVE, with edge ids in another order than the accounts' and than the time's."""
    for follower_id, edge_id in ((BOB, 40), (ANN, 10), (DAN, 30), (CYD, 20)):
        await follow(store, follower_id, EVE, edge_id=edge_id)


async def test_followers_are_newest_edge_first(backend: Backend) -> None:
    await four_followers(backend.store)
    assert await followers(backend.store, EVE) == [BOB, DAN, CYD, ANN]


async def test_following_is_newest_edge_first(backend: Backend) -> None:
    for followee_id, edge_id in ((BOB, 40), (CYD, 20), (DAN, 30)):
        await follow(backend.store, ANN, followee_id, edge_id=edge_id)
    assert await following(backend.store, ANN) == [BOB, DAN, CYD]


async def test_pages_of_followers_go_down_from_an_edge(backend: Backend) -> None:
    await four_followers(backend.store)
    page = await backend.store.followers(EVE, below_edge_id=0, limit=2)
    assert [edge.edge_id for edge in page] == [40, 30]
    page = await backend.store.followers(EVE, below_edge_id=30, limit=2)
    assert [edge.edge_id for edge in page] == [20, 10]
    assert await backend.store.followers(EVE, below_edge_id=10, limit=2) == []


async def test_pages_of_following_go_down_from_an_edge(backend: Backend) -> None:
    for followee_id, edge_id in ((BOB, 40), (CYD, 20), (DAN, 30)):
        await follow(backend.store, ANN, followee_id, edge_id=edge_id)
    page = await backend.store.following(ANN, below_edge_id=0, limit=2)
    assert [edge.edge_id for edge in page] == [40, 30]
    page = await backend.store.following(ANN, below_edge_id=30, limit=2)
    assert [edge.edge_id for edge in page] == [20]


async def test_a_follow_begun_again_has_its_old_place(backend: Backend) -> None:
    await four_followers(backend.store)
    await unfollow(backend.store, CYD, EVE)
    assert await followers(backend.store, EVE) == [BOB, DAN, ANN]
    await follow(backend.store, CYD, EVE, edge_id=50)
    assert await followers(backend.store, EVE) == [BOB, DAN, CYD, ANN]


async def test_follower_ids_say_where_to_resume_while_there_are_more(backend: Backend) -> None:
    await four_followers(backend.store)
    await unfollow(backend.store, DAN, EVE)
    assert await backend.store.follower_ids(EVE, below_edge_id=0, limit=2) == FollowerIds([BOB, CYD], 20)
    assert await backend.store.follower_ids(EVE, below_edge_id=20, limit=2) == FollowerIds([ANN], 0)
    assert await backend.store.follower_ids(EVE, below_edge_id=0, limit=3) == FollowerIds([BOB, CYD, ANN], 0)
    assert await backend.store.follower_ids(ANN, below_edge_id=0, limit=3) == FollowerIds([], 0)


async def test_followees_have_their_classes(backend: Backend) -> None:
    for followee_id, edge_id in ((BOB, 40), (CYD, 20), (DAN, 30), (EVE, 10)):
        await follow(backend.store, ANN, followee_id, edge_id=edge_id)
    for author_id, stage in ((CYD, Stage.PULL), (DAN, Stage.PUSHING)):
        await indexed(backend.store, author_id)
        await at_stage(backend.store, author_id, stage)
    await indexed(backend.store, EVE)
    await at_stage(backend.store, EVE, Stage.CLEANING)
    assert await backend.store.followees(ANN, below_edge_id=0, limit=3) == [
        Followee(BOB, 40, AuthorClass.PUSH),
        Followee(DAN, 30, AuthorClass.BOTH),
        Followee(CYD, 20, AuthorClass.PULL),
    ]
    assert await backend.store.followees(ANN, below_edge_id=20, limit=3) == [Followee(EVE, 10, AuthorClass.PUSH)]


async def test_counts_have_classes_and_know_their_zeros(backend: Backend) -> None:
    await follow(backend.store, ANN, BOB)
    await at_stage(backend.store, BOB, Stage.PULL)
    assert await backend.store.counts([CYD, BOB, BOB]) == {
        CYD: GraphCounts(0, 0, AuthorClass.PUSH),
        BOB: GraphCounts(1, 0, AuthorClass.PULL),
    }
    assert await backend.store.counts([]) == {}
