"""FollowUser."""

from __future__ import annotations

import grpc
import pytest

from aviary.graph.internal.v1.graph_internal_service_pb2 import BatchGetGraphCountsRequest
from aviary.graph.v1.graph_service_pb2 import FollowUserRequest, UnfollowUserRequest
from tests.services.graph_svc.callers import ANN, BOB, NOBODY, Callers
from tests.support.refused import refused


async def test_a_follow_is_counted_and_announced(graph: Callers) -> None:
    answer = await graph.user(ANN).FollowUser(FollowUserRequest(user_id=BOB))
    assert answer.create_time.seconds > 0
    counts = (await graph.service().BatchGetGraphCounts(BatchGetGraphCountsRequest(user_ids=[ANN, BOB]))).counts
    assert (counts[ANN].following_count, counts[BOB].followers_count) == (1, 1)
    assert await graph.waiting_events() == ["follow_changed"]


async def test_a_repeat_answers_the_first_time_and_announces_nothing(graph: Callers) -> None:
    first = await graph.user(ANN).FollowUser(FollowUserRequest(user_id=BOB))
    assert await graph.user(ANN).FollowUser(FollowUserRequest(user_id=BOB)) == first
    assert await graph.waiting_events() == ["follow_changed"]


async def test_a_follow_begun_again_keeps_its_first_time(graph: Callers) -> None:
    first = await graph.user(ANN).FollowUser(FollowUserRequest(user_id=BOB))
    await graph.user(ANN).UnfollowUser(UnfollowUserRequest(user_id=BOB))
    assert await graph.user(ANN).FollowUser(FollowUserRequest(user_id=BOB)) == first
    assert await graph.waiting_events() == ["follow_changed"] * 3


async def test_nobody_follows_himself(graph: Callers) -> None:
    error = await refused(graph.user(ANN).FollowUser(FollowUserRequest(user_id=ANN)), grpc.StatusCode.INVALID_ARGUMENT)
    assert error.reason == "SELF_REFERENCE"
    assert [violation.field for violation in error.violations] == ["userId"]
    assert await graph.waiting_events() == []


async def test_an_unknown_account_is_not_found(graph: Callers) -> None:
    error = await refused(graph.user(ANN).FollowUser(FollowUserRequest(user_id=NOBODY)), grpc.StatusCode.NOT_FOUND)
    assert (error.reason, error.metadata["user_id"]) == ("USER_NOT_FOUND", str(NOBODY))
    assert await graph.waiting_events() == []


@pytest.mark.parametrize("user_id", [0, -1])
async def test_an_impossible_id_is_refused(graph: Callers, user_id: int) -> None:
    error = await refused(
        graph.user(ANN).FollowUser(FollowUserRequest(user_id=user_id)), grpc.StatusCode.INVALID_ARGUMENT
    )
    assert error.reason == "VALIDATION_FAILED"
    assert [violation.field for violation in error.violations] == ["userId"]


async def test_an_anonymous_caller_is_refused(graph: Callers) -> None:
    error = await refused(graph.user(0).FollowUser(FollowUserRequest(user_id=BOB)), grpc.StatusCode.UNAUTHENTICATED)
    assert error.reason == "CREDENTIALS_MISSING"
