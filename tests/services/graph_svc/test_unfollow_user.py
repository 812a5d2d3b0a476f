"""UnfollowUser."""

from __future__ import annotations

import grpc
import pytest
from redis.asyncio import Redis

from aviary.graph.internal.v1.graph_internal_service_pb2 import BatchGetGraphCountsRequest
from aviary.graph.v1.graph_service_pb2 import UnfollowUserRequest
from tests.services.graph_svc.callers import ANN, BOB, NOBODY, Callers
from tests.support.known_users import KnownUsers
from tests.support.refused import refused


async def test_an_end_is_counted_and_announced_once(graph: Callers) -> None:
    await graph.follow(ANN, BOB)
    for _ in range(2):
        await graph.user(ANN).UnfollowUser(UnfollowUserRequest(user_id=BOB))
    counts = (await graph.service().BatchGetGraphCounts(BatchGetGraphCountsRequest(user_ids=[ANN, BOB]))).counts
    assert (counts[ANN].following_count, counts[BOB].followers_count) == (0, 0)
    assert await graph.waiting_events() == ["follow_changed", "follow_changed"]


@pytest.mark.parametrize("user_id", [BOB, ANN])
async def test_ending_what_never_was_succeeds_and_announces_nothing(graph: Callers, user_id: int) -> None:
    await graph.user(ANN).UnfollowUser(UnfollowUserRequest(user_id=user_id))
    assert await graph.waiting_events() == []


async def test_user_svc_is_not_asked_about_whom_one_follows(graph: Callers, users: KnownUsers, redis: Redis) -> None:
    await graph.follow(ANN, BOB)
    await redis.flushall()
    calls = users.calls
    await graph.user(ANN).UnfollowUser(UnfollowUserRequest(user_id=BOB))
    assert users.calls == calls


async def test_an_unknown_account_is_not_found(graph: Callers) -> None:
    call = graph.user(ANN).UnfollowUser(UnfollowUserRequest(user_id=NOBODY))
    error = await refused(call, grpc.StatusCode.NOT_FOUND)
    assert (error.reason, error.metadata["user_id"]) == ("USER_NOT_FOUND", str(NOBODY))


async def test_an_impossible_id_is_refused(graph: Callers) -> None:
    call = graph.user(ANN).UnfollowUser(UnfollowUserRequest(user_id=-1))
    assert (await refused(call, grpc.StatusCode.INVALID_ARGUMENT)).reason == "VALIDATION_FAILED"


async def test_an_anonymous_caller_is_refused(graph: Callers) -> None:
    call = graph.user(0).UnfollowUser(UnfollowUserRequest(user_id=BOB))
    assert (await refused(call, grpc.StatusCode.UNAUTHENTICATED)).reason == "CREDENTIALS_MISSING"
