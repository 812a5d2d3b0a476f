"""Likes are given and taken back: what is written, counted and listed."""

from __future__ import annotations

import asyncio

from engagement_svc.model import Engagement, LikeEdge, Liking
from tests.conformance.engagement_store.backends import Backend
from tests.conformance.engagement_store.cases import (
    ANN,
    BOB,
    CYD,
    NOW,
    TWEET,
    TWEET_2,
    engagement,
    like,
    likers,
)


async def test_the_first_like_gets_the_new_id_and_the_time(backend: Backend) -> None:
    liking = await like(backend.store, ANN, TWEET, edge_id=7)
    assert liking == Liking(LikeEdge(ANN, TWEET, 7, NOW, NOW, is_live=True), likes_count=1)
    assert await backend.second.likes(TWEET, below_edge_id=0, limit=10) == [liking.edge]


async def test_a_later_like_keeps_id_and_time_of_the_first(backend: Backend) -> None:
    await like(backend.store, ANN, TWEET, edge_id=7)
    await backend.store.unlike(ANN, TWEET, now_us=NOW + 10)
    liking = await like(backend.store, ANN, TWEET, edge_id=8, now_us=NOW + 20)
    assert liking == Liking(LikeEdge(ANN, TWEET, 7, NOW, NOW + 20, is_live=True), likes_count=1)


async def test_op_time_grows_though_the_clock_is_set_back(backend: Backend) -> None:
    await like(backend.store, ANN, TWEET)
    taken = await backend.store.unlike(ANN, TWEET, now_us=NOW - 1_000)
    again = await like(backend.store, ANN, TWEET, now_us=NOW - 2_000)
    assert taken is not None
    assert (taken.edge.op_time_us, again.edge.op_time_us) == (NOW + 1, NOW + 2)


async def test_each_call_answers_the_likes_after_it(backend: Backend) -> None:
    assert (await like(backend.store, ANN, TWEET)).likes_count == 1
    assert (await like(backend.store, BOB, TWEET)).likes_count == 2
    taken = await backend.store.unlike(ANN, TWEET, now_us=NOW)
    assert taken is not None
    assert (taken.likes_count, taken.edge.is_live) == (1, False)
    assert (await engagement(backend.store, TWEET)).likes_count == 1


async def test_a_live_like_given_again_is_returned_as_stored(backend: Backend) -> None:
    liking = await like(backend.store, ANN, TWEET, edge_id=7)
    assert await like(backend.store, ANN, TWEET, edge_id=8, now_us=NOW + 10) == liking
    assert await backend.store.likes(TWEET, below_edge_id=0, limit=10) == [liking.edge]


async def test_a_like_taken_back_twice_is_returned_as_stored(backend: Backend) -> None:
    await like(backend.store, ANN, TWEET)
    await like(backend.store, BOB, TWEET)
    taken = await backend.store.unlike(ANN, TWEET, now_us=NOW)
    assert await backend.store.unlike(ANN, TWEET, now_us=NOW + 10) == taken
    assert (await engagement(backend.store, TWEET)).likes_count == 1


async def test_taking_back_what_never_was_writes_nothing(backend: Backend) -> None:
    assert await backend.store.unlike(ANN, TWEET, now_us=NOW) is None
    assert await engagement(backend.store, TWEET) == Engagement(TWEET, 0, 0, is_liked=False)


async def test_the_same_like_of_two_processes_at_once_is_one(backend: Backend) -> None:
    stores = [backend.store, backend.second] * 10
    likings = await asyncio.gather(*(like(store, ANN, TWEET, edge_id=n) for n, store in enumerate(stores, start=1)))
    assert len(set(likings)) == 1
    assert likings[0].likes_count == 1


async def test_likes_of_many_at_once_are_all_counted(backend: Backend) -> None:
    stores = [backend.store, backend.second] * 10
    await asyncio.gather(*(like(store, user_id, TWEET) for user_id, store in enumerate(stores, start=1)))
    assert (await engagement(backend.store, TWEET)).likes_count == 20
    assert await backend.store.drifts() == []


async def test_likes_are_newest_edge_first_and_live(backend: Backend) -> None:
    for user_id, edge_id in ((BOB, 30), (ANN, 10), (CYD, 20)):
        await like(backend.store, user_id, TWEET, edge_id=edge_id)
    await like(backend.store, ANN, TWEET_2, edge_id=40)
    assert await likers(backend.store, TWEET) == [BOB, CYD, ANN]
    await backend.store.unlike(CYD, TWEET, now_us=NOW)
    assert await likers(backend.store, TWEET) == [BOB, ANN]
    await like(backend.store, CYD, TWEET, edge_id=50)
    assert await likers(backend.store, TWEET) == [BOB, CYD, ANN]


async def test_pages_of_likes_go_down_from_an_edge(backend: Backend) -> None:
    for user_id, edge_id in ((BOB, 30), (ANN, 10), (CYD, 20)):
        await like(backend.store, user_id, TWEET, edge_id=edge_id)
    page = await backend.store.likes(TWEET, below_edge_id=0, limit=2)
    assert [edge.edge_id for edge in page] == [30, 20]
    page = await backend.store.likes(TWEET, below_edge_id=20, limit=2)
    assert [edge.edge_id for edge in page] == [10]
    assert await backend.store.likes(TWEET, below_edge_id=10, limit=2) == []


async def test_engagements_are_in_the_order_asked_with_known_zeros(backend: Backend) -> None:
    await like(backend.store, ANN, TWEET)
    await like(backend.store, BOB, TWEET)
    await like(backend.store, BOB, TWEET_2)
    untouched = 9_999
    assert await backend.store.engagements([untouched, TWEET_2, TWEET], viewer_id=ANN) == [
        Engagement(untouched, 0, 0, is_liked=False),
        Engagement(TWEET_2, 1, 0, is_liked=False),
        Engagement(TWEET, 2, 0, is_liked=True),
    ]
    assert await backend.store.engagements([], viewer_id=ANN) == []


async def test_viewer_0_likes_nothing(backend: Backend) -> None:
    await like(backend.store, ANN, TWEET)
    assert await engagement(backend.store, TWEET, viewer_id=0) == Engagement(TWEET, 1, 0, is_liked=False)


async def test_a_like_taken_back_is_not_liked(backend: Backend) -> None:
    await like(backend.store, ANN, TWEET)
    await backend.store.unlike(ANN, TWEET, now_us=NOW)
    assert await engagement(backend.store, TWEET, viewer_id=ANN) == Engagement(TWEET, 0, 0, is_liked=False)


async def test_the_store_answers(backend: Backend) -> None:
    await backend.store.ping()
