"""BatchGetTweetCounts, and the events it counts, over a real broker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import grpc
import pytest

from aviary.engagement.internal.v1.engagement_internal_service_pb2 import (
    BatchGetEngagementRequest,
    BatchGetTweetCountsRequest,
)
from aviary.events.v1 import events_pb2
from aviary.type.v1.tweet_pb2 import Tweet
from engagement_svc.app import open_service
from engagement_svc.config import EngagementConfig
from mesh.events.announce import new_event
from mesh.events.interface import BusUnavailable, EventBus, OutboxEvent
from mesh.events.nats import open_bus
from tests.services.engagement_svc.callers import ANN, BOB, TWEET, TWEET_2, Callers
from tests.support.refused import refused
from tests.support.running import a_mesh_config, running
from tests.support.wait_until import wait_until


@pytest.fixture
async def at_work(tmp_path: Path, redis_url: str, nats_url: str) -> AsyncIterator[Callers]:
    """The service with its consumer."""
    mesh = a_mesh_config(tmp_path, redis_url=redis_url, bus_url=nats_url)
    async with open_service(EngagementConfig(mesh)) as service, running(service, role="all") as engagement_svc:
        yield Callers(engagement_svc)


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[EventBus]:
    async with open_bus(nats_url, name="tweet_svc") as opened:
        yield opened


def created(tweet_id: int, *, user_id: int, parent_id: int = 0) -> OutboxEvent:
    tweet = Tweet(tweet_id=tweet_id, user_id=user_id, in_reply_to_tweet_id=parent_id)
    payload = events_pb2.TweetCreated(tweet=tweet)
    return new_event("tweet_created", payload, event_id=tweet_id, at_us=1, key=user_id)


def deleted(tweet_id: int, *, user_id: int, parent_id: int = 0) -> OutboxEvent:
    payload = events_pb2.TweetDeleted(tweet_id=tweet_id, user_id=user_id, in_reply_to_tweet_id=parent_id)
    return new_event("tweet_deleted", payload, event_id=tweet_id + 1_000_000, at_us=1, key=user_id)


async def is_published(bus: EventBus, event: OutboxEvent) -> bool:
    """Publish it; False while the bus connects."""
    try:
        await bus.publish(event.subject, event.payload)
    except BusUnavailable:
        return False
    return True


async def confirmed(bus: EventBus, *events: OutboxEvent) -> None:
    """Publish the events and return once engagement has confirmed all of them."""
    confirmations: list[events_pb2.Confirmation] = []
    await bus.on_confirmation("tweet", lambda text: confirmations.append(events_pb2.Confirmation.FromString(text)))
    for event in events:
        await wait_until(partial(is_published, bus, event))
    wanted = {event.event_id for event in events}

    def all_done() -> bool:
        done = {
            event_id
            for each in confirmations
            for event_id in each.event_ids
            if each.status == events_pb2.CONFIRMATION_STATUS_DONE and each.consumer_group == "engagement"
        }
        return wanted <= done

    await wait_until(all_done)


async def tweets_count(engagement: Callers, user_id: int) -> int:
    answer = await engagement.service("user_svc").BatchGetTweetCounts(BatchGetTweetCountsRequest(user_ids=[user_id]))
    return answer.tweets_counts[user_id]


async def replies_count(engagement: Callers, tweet_id: int) -> int:
    answer = await engagement.service().BatchGetEngagement(BatchGetEngagementRequest(tweet_ids=[tweet_id]))
    return answer.engagements[tweet_id].counts.replies_count


async def test_tweets_and_replies_are_counted_and_confirmed(at_work: Callers, bus: EventBus) -> None:
    await confirmed(bus, created(TWEET, user_id=ANN), created(TWEET_2, user_id=BOB, parent_id=TWEET))
    assert (await tweets_count(at_work, ANN), await tweets_count(at_work, BOB)) == (1, 1)
    assert await replies_count(at_work, TWEET) == 1


async def test_repeated_late_and_reversed_events_count_once(at_work: Callers, bus: EventBus) -> None:
    await confirmed(bus, created(TWEET, user_id=ANN), deleted(TWEET_2, user_id=BOB, parent_id=TWEET))
    await confirmed(bus, created(TWEET_2, user_id=BOB, parent_id=TWEET), created(TWEET, user_id=ANN))
    await confirmed(bus, deleted(TWEET_2, user_id=BOB, parent_id=TWEET))
    assert (await tweets_count(at_work, ANN), await tweets_count(at_work, BOB)) == (1, 0)
    assert await replies_count(at_work, TWEET) == 0


async def test_who_never_posted_has_a_known_zero(engagement: Callers) -> None:
    answer = await engagement.service().BatchGetTweetCounts(BatchGetTweetCountsRequest(user_ids=[ANN, BOB]))
    assert dict(answer.tweets_counts) == {ANN: 0, BOB: 0}


async def test_more_than_1000_authors_are_refused(engagement: Callers) -> None:
    call = engagement.service().BatchGetTweetCounts(BatchGetTweetCountsRequest(user_ids=range(1, 1_002)))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["userIds"]


async def test_a_user_may_not_call_it(engagement: Callers) -> None:
    call = engagement.user_on_internal(ANN).BatchGetTweetCounts(BatchGetTweetCountsRequest(user_ids=[ANN]))
    assert (await refused(call, grpc.StatusCode.PERMISSION_DENIED)).reason == "CALLER_NOT_ALLOWED"
