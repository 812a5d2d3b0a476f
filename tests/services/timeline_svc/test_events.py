"""What timeline_svc does with events, over a real NATS and a real Redis: effects first, then the confirmation."""

from __future__ import annotations

import pytest

from aviary.events.v1 import events_pb2
from tests.services.timeline_svc.neighbours import Traffic
from tests.services.timeline_svc.owners import Owners
from tests.services.timeline_svc.world import World
from tests.support.wait_until import wait_until
from timeline_svc.model import AuthorClass, Status, TimelineState
from timeline_svc.store import TimelineStore

ANN, BOB, CYD, STAR = 101, 102, 103, 201


pytestmark = pytest.mark.usefixtures("worker")


async def build(store: TimelineStore, *owner_ids: int) -> None:
    """Timelines that are ready and empty."""
    for owner_id in owner_ids:
        generation = await store.begin_build(owner_id)
        assert generation
        assert await store.finish_build(owner_id, generation, [], floor=0)


async def ids(store: TimelineStore, owner_id: int) -> list[int] | None:
    page = await store.page(owner_id, below=0, limit=1_000)
    return None if page is None else page.ids


async def test_a_tweet_reaches_the_author_and_the_followers_that_have_timelines(
    owners: Owners, world: World, homes: TimelineStore
) -> None:
    world.follow(BOB, ANN)
    world.follow(CYD, ANN)
    await build(homes, ANN, BOB, STAR)
    tweet_id = world.post(ANN)
    await owners.is_done("tweet", await owners.posted(tweet_id, ANN))
    assert await ids(homes, ANN) == await ids(homes, BOB) == [tweet_id]
    assert await ids(homes, CYD) is None
    assert await ids(homes, STAR) == []


async def test_many_followers_are_reached_by_a_chain_that_confirms_once(
    owners: Owners, world: World, homes: TimelineStore, traffic: Traffic
) -> None:
    traffic.followers_per_page = 3
    followers = list(range(1, 12))
    for follower in followers:
        world.follow(follower, ANN)
    await build(homes, *followers)
    tweet_id = world.post(ANN)
    await owners.is_done("tweet", await owners.posted(tweet_id, ANN))
    for follower in followers:
        assert await ids(homes, follower) == [tweet_id]
    assert traffic.calls["ListFollowerIds"] == 4
    assert len(owners.confirmed) == 1


async def test_a_tweet_of_a_pulled_author_goes_to_the_authors_own_list_and_timeline(
    owners: Owners, world: World, homes: TimelineStore, lists: TimelineStore
) -> None:
    world.classes[STAR] = AuthorClass.PULL
    world.follow(BOB, STAR)
    await build(homes, STAR, BOB)
    await build(lists, STAR)
    tweet_id = world.post(STAR)
    await owners.is_done("tweet", await owners.posted(tweet_id, STAR))
    assert await ids(lists, STAR) == await ids(homes, STAR) == [tweet_id]
    assert await ids(homes, BOB) == []


async def test_an_event_that_comes_twice_has_its_effect_once(
    owners: Owners, world: World, homes: TimelineStore
) -> None:
    await build(homes, ANN)
    tweet_id = world.post(ANN)
    await owners.posted(tweet_id, ANN)
    await owners.posted(tweet_id, ANN)
    await wait_until(lambda: len(owners.confirmed) == 2)
    assert await ids(homes, ANN) == [tweet_id]


async def test_a_tweet_that_is_not_visible_yet_comes_again_later(
    owners: Owners, world: World, homes: TimelineStore, traffic: Traffic
) -> None:
    await build(homes, ANN)
    tweet_id = world.new_id()
    await owners.posted(tweet_id, ANN)
    await wait_until(lambda: traffic.calls["BatchGetStoredTweets"] >= 1)
    assert not owners.confirmed
    world.authors[tweet_id] = ANN
    await owners.is_done("tweet", tweet_id)
    assert await ids(homes, ANN) == [tweet_id]


async def test_a_deleted_tweet_is_done_without_an_effect(owners: Owners, world: World, homes: TimelineStore) -> None:
    await build(homes, ANN)
    tweet_id = world.post(ANN)
    world.deleted.add(tweet_id)
    await owners.is_done("tweet", await owners.posted(tweet_id, ANN))
    assert await ids(homes, ANN) == []


async def test_an_outage_of_the_graph_delays_a_tweet_and_loses_nothing(
    owners: Owners, world: World, homes: TimelineStore, traffic: Traffic
) -> None:
    await build(homes, ANN)
    traffic.down.add("graph")
    tweet_id = world.post(ANN)
    await owners.posted(tweet_id, ANN)
    await wait_until(lambda: traffic.calls["BatchGetStoredTweets"] >= 1)
    traffic.down.clear()
    await owners.is_done("tweet", tweet_id)
    assert await ids(homes, ANN) == [tweet_id]


async def test_a_follow_brings_the_authors_tweets_and_an_unfollow_takes_them_out(
    owners: Owners, world: World, homes: TimelineStore
) -> None:
    theirs = world.post_many(BOB, 3)
    await build(homes, ANN)
    world.follow(ANN, BOB)
    await owners.is_done("graph", await owners.edge_changed(ANN, BOB))
    assert await ids(homes, ANN) == theirs
    world.unfollow(ANN, BOB)
    await owners.is_done("graph", await owners.edge_changed(ANN, BOB))
    assert await ids(homes, ANN) == []


async def test_events_of_an_edge_in_the_wrong_order_end_as_the_edge_is(
    owners: Owners, world: World, homes: TimelineStore
) -> None:
    world.post_many(BOB, 3)
    await build(homes, ANN)
    for _ in range(3):
        await owners.edge_changed(ANN, BOB)
    await wait_until(lambda: len(owners.confirmed) == 3)
    assert await ids(homes, ANN) == []


async def test_a_follow_of_a_prolific_author_raises_the_floor(
    owners: Owners, world: World, homes: TimelineStore
) -> None:
    theirs = world.post_many(BOB, 900)
    await build(homes, ANN)
    world.follow(ANN, BOB)
    await owners.is_done("graph", await owners.edge_changed(ANN, BOB))
    assert await homes.state(ANN) == TimelineState(Status.READY, theirs[799])
    assert await ids(homes, ANN) == theirs[:800]


async def test_an_unfollow_takes_out_more_than_one_question_can_name(
    owners: Owners, world: World, homes: TimelineStore
) -> None:
    theirs = world.post_many(BOB, 850)
    generation = await homes.begin_build(ANN)
    assert generation
    await homes.finish_build(ANN, generation, theirs, floor=theirs[-1])
    await owners.is_done("graph", await owners.edge_changed(ANN, BOB))
    assert await ids(homes, ANN) == []


async def test_a_pulled_author_is_not_brought_in(owners: Owners, world: World, homes: TimelineStore) -> None:
    world.classes[STAR] = AuthorClass.PULL
    world.post_many(STAR, 3)
    await build(homes, ANN)
    world.follow(ANN, STAR)
    await owners.is_done("graph", await owners.edge_changed(ANN, STAR))
    assert await ids(homes, ANN) == []


async def test_a_follow_that_meets_a_build_comes_again(
    owners: Owners, world: World, homes: TimelineStore, traffic: Traffic
) -> None:
    theirs = world.post_many(BOB, 3)
    generation = await homes.begin_build(ANN)
    assert generation
    world.follow(ANN, BOB)
    event_id = await owners.edge_changed(ANN, BOB)
    await wait_until(lambda: traffic.calls["GetReadContext"] >= 1)
    assert not owners.confirmed
    await homes.finish_build(ANN, generation, [], floor=0)
    await owners.is_done("graph", event_id)
    assert await ids(homes, ANN) == theirs


async def test_an_author_on_the_way_to_push_is_brought_to_all_followers(
    owners: Owners, world: World, homes: TimelineStore, traffic: Traffic
) -> None:
    traffic.followers_per_page = 2
    followers = list(range(1, 8))
    for follower in followers:
        world.follow(follower, STAR)
    await build(homes, *followers)
    theirs = world.post_many(STAR, 4)
    world.classes[STAR] = AuthorClass.BOTH
    change = events_pb2.AuthorClassChanged(
        user_id=STAR,
        author_class=events_pb2.AUTHOR_CLASS_BOTH,
        next_author_class=events_pb2.AUTHOR_CLASS_PUSH,
    )
    await owners.is_done("graph", await owners.announce("author_class_changed", change))
    for follower in followers:
        assert await ids(homes, follower) == theirs
    assert len(owners.confirmed) == 1


async def test_an_author_on_the_way_to_pull_needs_nothing(owners: Owners, traffic: Traffic) -> None:
    change = events_pb2.AuthorClassChanged(user_id=STAR, next_author_class=events_pb2.AUTHOR_CLASS_PULL)
    await owners.is_done("graph", await owners.announce("author_class_changed", change))
    assert not traffic.calls
