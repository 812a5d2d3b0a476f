"""UnfollowUserByUsername."""

from __future__ import annotations

import grpc

from aviary.graph.v1.graph_service_pb2 import ListFollowersRequest, UnfollowUserByUsernameRequest
from tests.services.graph_svc.callers import ANN, BOB, Callers
from tests.support.refused import refused


async def test_a_follow_ends_by_handle(graph: Callers) -> None:
    await graph.follow(ANN, BOB)
    for _ in range(2):
        await graph.user(ANN).UnfollowUserByUsername(UnfollowUserByUsernameRequest(username="Bob"))
    assert not (await graph.user(0).ListFollowers(ListFollowersRequest(user_id=BOB))).followers
    assert await graph.waiting_events() == ["follow_changed", "follow_changed"]


async def test_ending_what_never_was_succeeds_and_announces_nothing(graph: Callers) -> None:
    await graph.user(ANN).UnfollowUserByUsername(UnfollowUserByUsernameRequest(username="bob"))
    assert await graph.waiting_events() == []


async def test_an_unknown_handle_is_not_found(graph: Callers) -> None:
    call = graph.user(ANN).UnfollowUserByUsername(UnfollowUserByUsernameRequest(username="nobody"))
    error = await refused(call, grpc.StatusCode.NOT_FOUND)
    assert (error.reason, error.metadata["username"]) == ("USER_NOT_FOUND", "nobody")


async def test_an_impossible_handle_is_refused(graph: Callers) -> None:
    call = graph.user(ANN).UnfollowUserByUsername(UnfollowUserByUsernameRequest(username="no such!"))
    assert (await refused(call, grpc.StatusCode.INVALID_ARGUMENT)).reason == "VALIDATION_FAILED"


async def test_an_anonymous_caller_is_refused(graph: Callers) -> None:
    call = graph.user(0).UnfollowUserByUsername(UnfollowUserByUsernameRequest(username="bob"))
    assert (await refused(call, grpc.StatusCode.UNAUTHENTICATED)).reason == "CREDENTIALS_MISSING"
