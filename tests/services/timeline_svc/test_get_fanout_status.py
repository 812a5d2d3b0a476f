"""GetFanoutStatus through its stub, of fan-outs made over a real NATS and a real Redis."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest
from redis.asyncio import Redis

from aviary.timeline.internal.v1 import timeline_internal_service_pb2 as pb
from aviary.timeline.internal.v1.timeline_internal_service_pb2_grpc import TimelineInternalServiceStub
from mesh.ids import id_time_us
from tests.services.timeline_svc.conftest import Home
from tests.services.timeline_svc.neighbours import Traffic
from tests.services.timeline_svc.operator import operator_of
from tests.services.timeline_svc.owners import Owners
from tests.services.timeline_svc.world import World
from tests.support.running import failure, issue_service_token, issue_user_token
from tests.support.wait_until import wait_until
from timeline_svc.model import AuthorClass

ANN, STAR = 101, 201
FOLLOWERS = range(1, 12)

pytestmark = pytest.mark.usefixtures("worker")


async def status(home: Home, tweet_id: int) -> pb.GetFanoutStatusResponse:
    answer: pb.GetFanoutStatusResponse = await operator_of(home).GetFanoutStatus(
        pb.GetFanoutStatusRequest(tweet_id=tweet_id)
    )
    return answer


def counts(recipients: int, delivered: int, skipped: int, pending: int = 0) -> pb.FanoutCounts:
    return pb.FanoutCounts(
        recipients_count=recipients, delivered_count=delivered, skipped_count=skipped, pending_count=pending
    )


@pytest.fixture
def crowd(world: World, traffic: Traffic) -> World:
    """ANN has followers for four links."""
    traffic.followers_per_page = 3
    for follower in FOLLOWERS:
        world.follow(follower, ANN)
    return world


async def test_a_finished_fan_out_says_who_was_reached_and_when(home: Home, crowd: World, owners: Owners) -> None:
    for reader in (1, 2, 3, 4, ANN):
        await home.read(reader)
    tweet_id = crowd.post(ANN)
    await owners.is_done("tweet", await owners.posted(tweet_id, ANN))
    answer = await status(home, tweet_id)
    assert answer.state == pb.FANOUT_STATE_DONE
    assert answer.counts == counts(12, 5, 7)
    first, last = answer.first_visible_time.ToMicroseconds(), answer.last_visible_time.ToMicroseconds()
    assert id_time_us(tweet_id) < first < last


async def test_an_event_that_comes_again_adds_nothing_and_moves_no_time(
    home: Home, crowd: World, owners: Owners
) -> None:
    tweet_id = crowd.post(ANN)
    await owners.is_done("tweet", await owners.posted(tweet_id, ANN))
    before = await status(home, tweet_id)
    crowd.follow(50, ANN)  # so that every link of the repeat begins elsewhere
    await owners.posted(tweet_id, ANN)
    await wait_until(lambda: len(owners.confirmed) == 2)
    after = await status(home, tweet_id)
    assert (before.counts, after.counts) == (counts(12, 0, 12), counts(13, 0, 13))
    assert after.first_visible_time == before.first_visible_time


async def test_a_chain_that_stands_still_says_how_many_are_to_come(
    home: Home, crowd: World, owners: Owners, traffic: Traffic
) -> None:
    traffic.only_first_followers = True
    tweet_id = crowd.post(ANN)
    await owners.posted(tweet_id, ANN)

    async def is_running() -> bool:
        return (await status(home, tweet_id)).state == pb.FANOUT_STATE_RUNNING

    await wait_until(is_running)
    assert (await status(home, tweet_id)).counts == counts(12, 0, 4, pending=8)
    traffic.only_first_followers = False
    await owners.is_done("tweet", tweet_id)
    assert (await status(home, tweet_id)).counts == counts(12, 0, 12)


async def test_a_pulled_authors_tweet_goes_to_the_author(home: Home, world: World, owners: Owners) -> None:
    world.classes[STAR] = AuthorClass.PULL
    world.follow(ANN, STAR)
    tweet_id = world.post(STAR)
    await owners.is_done("tweet", await owners.posted(tweet_id, STAR))
    answer = await status(home, tweet_id)
    assert (answer.state, answer.counts) == (pb.FANOUT_STATE_PULLED, counts(1, 0, 1))


async def test_an_emptied_redis_knows_nothing(home: Home, crowd: World, owners: Owners, redis: Redis) -> None:
    tweet_id = crowd.post(ANN)
    await owners.is_done("tweet", await owners.posted(tweet_id, ANN))
    await redis.flushall()
    assert await status(home, tweet_id) == pb.GetFanoutStatusResponse(state=pb.FANOUT_STATE_UNKNOWN)


async def test_a_redis_emptied_in_mid_chain_knows_nothing_until_the_event_comes_again(
    home: Home, crowd: World, owners: Owners, redis: Redis, traffic: Traffic
) -> None:
    traffic.only_first_followers = True
    tweet_id = crowd.post(ANN)
    await owners.posted(tweet_id, ANN)

    async def is_running() -> bool:
        return (await status(home, tweet_id)).state == pb.FANOUT_STATE_RUNNING

    await wait_until(is_running)
    await redis.flushall()
    traffic.only_first_followers = False
    await owners.is_done("tweet", tweet_id)
    assert await redis.keys("fanout:*")
    assert await status(home, tweet_id) == pb.GetFanoutStatusResponse(state=pb.FANOUT_STATE_UNKNOWN)
    await owners.posted(tweet_id, ANN)
    await wait_until(lambda: len(owners.confirmed) == 2)
    assert (await status(home, tweet_id)).counts == counts(12, 0, 12)


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
        await stub.GetFanoutStatus(pb.GetFanoutStatusRequest(tweet_id=7))
    assert failure(caught.value).reason == reason
