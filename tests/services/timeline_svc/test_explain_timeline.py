"""ExplainTimeline through its stub: each fact, told of a timeline that has it; and as the pages do, over Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

import grpc
import pytest
from redis.asyncio import Redis

from aviary.timeline.internal.v1 import timeline_internal_service_pb2 as pb
from aviary.timeline.internal.v1.timeline_internal_service_pb2_grpc import TimelineInternalServiceStub
from mesh.ids import id_time_us
from tests.services.timeline_svc.conftest import Home
from tests.services.timeline_svc.neighbours import Traffic
from tests.services.timeline_svc.operator import operator_of
from tests.services.timeline_svc.world import World
from tests.support.running import failure, issue_service_token, issue_user_token, running
from timeline_svc.app import open_service
from timeline_svc.config import TimelineConfig
from timeline_svc.model import AuthorClass
from timeline_svc.store import TimelineStore
from views.cache import BodyCache

ANN, BOB, CYD, STAR = 101, 102, 103, 201

TWEET = pb.TIMELINE_FACT_KIND_TWEET
FOLLOW = pb.TIMELINE_FACT_KIND_FOLLOW
AUTHOR_CLASS = pb.TIMELINE_FACT_KIND_AUTHOR_CLASS
EVENT = pb.TIMELINE_FACT_KIND_EVENT
TIMELINE = pb.TIMELINE_FACT_KIND_TIMELINE
FLOOR = pb.TIMELINE_FACT_KIND_FLOOR
ENTRY = pb.TIMELINE_FACT_KIND_ENTRY


async def explain(home: Home, user_id: int, tweet_id: int) -> pb.ExplainTimelineResponse:
    answer: pb.ExplainTimelineResponse = await operator_of(home).ExplainTimeline(
        pb.ExplainTimelineRequest(user_id=user_id, tweet_id=tweet_id)
    )
    assert answer.shown == (not any(fact.excludes for fact in answer.facts))
    return answer


def fact_of(answer: pb.ExplainTimelineResponse, kind: pb.TimelineFactKind.ValueType) -> pb.TimelineFact:
    [fact] = (fact for fact in answer.facts if fact.kind == kind)
    return fact


def excluding(answer: pb.ExplainTimelineResponse) -> Sequence[pb.TimelineFactKind.ValueType]:
    return [fact.kind for fact in answer.facts if fact.excludes]


async def test_a_tweet_that_is_there_is_explained_in_the_order_of_a_read(home: Home, world: World) -> None:
    world.follow(ANN, BOB)
    tweet_id = world.post(BOB)
    await home.read(ANN)
    answer = await explain(home, ANN, tweet_id)
    assert answer.shown
    assert [fact.kind for fact in answer.facts] == [TWEET, FOLLOW, AUTHOR_CLASS, EVENT, TIMELINE, FLOOR, ENTRY]
    assert fact_of(answer, TWEET).time.ToMicroseconds() == id_time_us(tweet_id)
    assert fact_of(answer, FOLLOW).time.ToMicroseconds() == id_time_us(world.edges[ANN, BOB])
    assert fact_of(answer, TIMELINE).text == "the timeline is ready and has 1 ids"
    assert fact_of(answer, ENTRY).text == "the id is in the timeline"
    assert not fact_of(answer, EVENT).HasField("time")


async def test_ones_own_tweet_needs_no_follow(home: Home, world: World) -> None:
    answer = await explain(home, ANN, world.post(ANN))
    assert answer.shown
    assert fact_of(answer, FOLLOW).text == "the owner is the author"


async def test_a_deleted_and_an_unknown_tweet_settle_it_first(home: Home, world: World) -> None:
    world.follow(ANN, BOB)
    tweet_id = world.post(BOB)
    await home.read(ANN)
    await home.delete(tweet_id)
    answer = await explain(home, ANN, tweet_id)
    assert answer.facts[0] == pb.TimelineFact(kind=TWEET, excludes=True, text=f"tweet {tweet_id} is deleted")
    answer = await explain(home, ANN, world.new_id())
    assert excluding(answer)[0] == TWEET
    assert "unknown" in answer.facts[0].text


async def test_an_author_who_is_not_followed_now_is_left_out(home: Home, world: World) -> None:
    world.follow(ANN, BOB)
    tweet_id = world.post(BOB)
    await home.read(ANN)
    world.unfollow(ANN, BOB)
    answer = await explain(home, ANN, tweet_id)
    assert excluding(answer) == [FOLLOW]
    assert fact_of(answer, ENTRY).text == "the id is in the timeline"


async def test_an_id_that_the_timeline_lacks_is_found_out(home: Home, world: World, homes: TimelineStore) -> None:
    world.follow(ANN, BOB)
    tweet_id = world.post(BOB)
    await home.read(ANN)
    await homes.remove([tweet_id], ANN)
    answer = await explain(home, ANN, tweet_id)
    assert excluding(answer) == [ENTRY]
    assert fact_of(answer, ENTRY).text == "the id is not in the timeline"
    assert tweet_id not in await home.ids(ANN)


async def test_below_the_floor_pages_ask_the_authors(home: Home, world: World) -> None:
    world.follow(ANN, BOB)
    ids = world.post_many(BOB, 810)
    await home.read(ANN)
    answer = await explain(home, ANN, ids[-1])
    assert answer.shown
    assert "is below" in fact_of(answer, FLOOR).text
    assert fact_of(answer, FLOOR).time.ToMicroseconds() == id_time_us(ids[799])
    assert fact_of(answer, ENTRY).text == "the id is among the author's tweets"
    assert "not below" in fact_of(await explain(home, ANN, ids[799]), FLOOR).text


async def test_a_pulled_author_is_looked_up_in_the_list(home: Home, world: World, lists: TimelineStore) -> None:
    world.classes[STAR] = AuthorClass.PULL
    world.follow(ANN, STAR)
    tweet_id = world.post(STAR)
    generation = await lists.begin_build(STAR)
    assert generation
    await lists.finish_build(STAR, generation, [], floor=0)
    await home.read(ANN)
    answer = await explain(home, ANN, tweet_id)
    assert excluding(answer) == [ENTRY]
    assert "PULL" in fact_of(answer, AUTHOR_CLASS).text
    assert fact_of(answer, ENTRY).text == "the id is not in the author's list"
    await lists.push(tweet_id, [STAR])
    assert (await explain(home, ANN, tweet_id)).shown


async def test_an_absent_timeline_stays_absent(home: Home, world: World, homes: TimelineStore, redis: Redis) -> None:
    world.follow(ANN, BOB)
    tweet_id = world.post(BOB)
    answer = await explain(home, ANN, tweet_id)
    assert answer.shown
    assert "is absent; the next read builds it, with 1 ids" in fact_of(answer, TIMELINE).text
    assert await redis.keys("tl:*") == []
    assert await homes.begin_build(ANN)
    assert "is being built" in fact_of(await explain(home, ANN, tweet_id), TIMELINE).text


async def test_without_redis_it_explains_how_pages_do_without(
    config: TimelineConfig, redis: Redis, world: World
) -> None:
    world.follow(ANN, BOB)
    tweet_id = world.post(BOB)
    away = replace(config, mesh=replace(config.mesh, redis_url="redis://127.0.0.1:1/0"))
    async with open_service(away) as service, running(service) as server:
        home = Home(server, world, BodyCache(redis))
        answer = await explain(home, ANN, tweet_id)
        assert answer.shown
        assert "while Redis is away" in fact_of(answer, TIMELINE).text
        assert "Redis cannot be reached" in fact_of(answer, EVENT).text
        assert fact_of(answer, ENTRY).text == "the id is among the author's tweets"
        assert await home.ids(ANN) == [tweet_id]


@pytest.mark.parametrize("down", ["graph", "tweet"])
async def test_without_a_source_there_is_no_explanation(home: Home, world: World, traffic: Traffic, down: str) -> None:
    tweet_id = world.post(ANN)
    traffic.down.add(down)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await explain(home, ANN, tweet_id)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("seed", [1, 2])
async def test_it_agrees_with_the_pages_over_redis(
    home: Home, world: World, homes: TimelineStore, lists: TimelineStore, seed: int
) -> None:
    chance = Random(seed)
    users = [ANN, BOB, CYD, STAR]
    world.classes[STAR] = AuthorClass.PULL
    for _ in range(60):
        one, other = chance.sample(users, 2)
        if chance.random() < 0.4:
            world.follow(one, other)
        elif chance.random() < 0.2:
            world.unfollow(one, other)
        elif chance.random() < 0.2:
            await home.read(one)
        else:
            tweet_id = world.post(one)
            await lists.push(tweet_id, [one])
            await homes.push(tweet_id, chance.sample(users, 3))
    await home.delete(chance.choice(list(world.authors)))
    shown = 0
    for viewer in users:
        answers = await asyncio.gather(*(explain(home, viewer, tweet_id) for tweet_id in world.authors))
        walked = await home.walk(viewer, page_size=7)
        told = [id_ for id_, answer in zip(world.authors, answers, strict=True) if answer.shown]
        assert told[::-1] == walked
        shown += len(told)
    assert 0 < shown < len(users) * len(world.authors)


@pytest.mark.parametrize(
    ("issue", "reason"),
    [
        (lambda: issue_user_token(ANN), "CALLER_NOT_ALLOWED"),
        (lambda: issue_service_token("tweet_svc"), "SCOPE_MISSING"),
        (str, "CREDENTIALS_MISSING"),
    ],
)
async def test_it_is_for_operators(home: Home, issue: Callable[[], str], reason: str) -> None:
    stub = TimelineInternalServiceStub(home.channel(issue()))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ExplainTimeline(pb.ExplainTimelineRequest(user_id=ANN, tweet_id=7))
    assert failure(caught.value).reason == reason


async def test_it_needs_an_owner_and_a_tweet(home: Home) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await operator_of(home).ExplainTimeline(pb.ExplainTimelineRequest())
    assert [violation.field for violation in failure(caught.value).violations] == ["userId", "tweetId"]
