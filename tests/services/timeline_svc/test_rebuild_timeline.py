"""RebuildTimeline through its stub."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import grpc
import pytest

from aviary.timeline.internal.v1.timeline_internal_service_pb2 import RebuildTimelineRequest
from aviary.timeline.internal.v1.timeline_internal_service_pb2_grpc import TimelineInternalServiceStub
from tests.services.timeline_svc.conftest import Home
from tests.services.timeline_svc.world import World
from tests.support.running import failure, issue_service_token, issue_user_token
from timeline_svc.model import Status, TimelineState
from timeline_svc.store import TimelineStore

if TYPE_CHECKING:  # the typed stub is known to type checkers only
    from aviary.timeline.internal.v1.timeline_internal_service_pb2_grpc import TimelineInternalServiceAsyncStub

ANN, BOB, CYD = 101, 102, 103


@pytest.fixture
def operator(home: Home) -> TimelineInternalServiceAsyncStub:
    return TimelineInternalServiceStub(home.channel(issue_service_token("operator", ["mesh:admin"])))


async def test_a_timeline_is_built_anew(
    operator: TimelineInternalServiceAsyncStub, homes: TimelineStore, world: World, home: Home
) -> None:
    world.follow(ANN, BOB)
    world.post_many(BOB, 5)
    await home.read(ANN)
    await homes.remove(world.home(ANN), ANN)
    assert await home.ids(ANN) == []
    answer = await operator.RebuildTimeline(RebuildTimelineRequest(user_id=ANN))
    assert (answer.entries_count, answer.floor_id) == (5, 0)
    assert await home.ids(ANN) == world.home(ANN)


async def test_it_tells_the_floor_of_a_long_one(
    operator: TimelineInternalServiceAsyncStub, homes: TimelineStore, world: World
) -> None:
    world.follow(ANN, BOB, CYD)
    for _ in range(500):
        world.post(BOB)
        world.post(CYD)
    answer = await operator.RebuildTimeline(RebuildTimelineRequest(user_id=ANN))
    assert answer.entries_count == 800
    assert answer.floor_id == world.home(ANN)[799]
    assert await homes.state(ANN) == TimelineState(Status.READY, answer.floor_id)


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
        await stub.RebuildTimeline(RebuildTimelineRequest(user_id=ANN))
    assert failure(caught.value).reason == reason


async def test_it_needs_an_owner(operator: TimelineInternalServiceAsyncStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await operator.RebuildTimeline(RebuildTimelineRequest())
    assert [violation.field for violation in failure(caught.value).violations] == ["userId"]
