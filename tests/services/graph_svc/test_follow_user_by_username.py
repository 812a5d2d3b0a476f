"""FollowUserByUsername."""

from __future__ import annotations

import grpc
import pytest

from aviary.graph.v1.graph_service_pb2 import FollowUserByUsernameRequest, FollowUserRequest
from tests.services.graph_svc.callers import ANN, BOB, Callers
from tests.support.refused import refused


@pytest.mark.parametrize("username", ["bob", "BOB"])
async def test_a_follow_by_handle_is_the_same_follow(graph: Callers, username: str) -> None:
    answer = await graph.user(ANN).FollowUserByUsername(FollowUserByUsernameRequest(username=username))
    assert answer.user_id == BOB
    again = await graph.user(ANN).FollowUser(FollowUserRequest(user_id=BOB))
    assert again.create_time == answer.create_time
    assert await graph.waiting_events() == ["follow_changed"]


async def test_an_unknown_handle_is_not_found(graph: Callers) -> None:
    call = graph.user(ANN).FollowUserByUsername(FollowUserByUsernameRequest(username="nobody"))
    error = await refused(call, grpc.StatusCode.NOT_FOUND)
    assert (error.reason, error.metadata["username"]) == ("USER_NOT_FOUND", "nobody")


async def test_nobody_follows_himself(graph: Callers) -> None:
    call = graph.user(ANN).FollowUserByUsername(FollowUserByUsernameRequest(username="Ann"))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert error.reason == "SELF_REFERENCE"
    assert [violation.field for violation in error.violations] == ["username"]


@pytest.mark.parametrize("username", ["", "a b", "@bob", "b" * 51, "bob\n"])
async def test_an_impossible_handle_is_refused(graph: Callers, username: str) -> None:
    call = graph.user(ANN).FollowUserByUsername(FollowUserByUsernameRequest(username=username))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert error.reason == "VALIDATION_FAILED"
    assert [violation.field for violation in error.violations] == ["username"]


async def test_an_anonymous_caller_is_refused(graph: Callers) -> None:
    call = graph.user(0).FollowUserByUsername(FollowUserByUsernameRequest(username="bob"))
    assert (await refused(call, grpc.StatusCode.UNAUTHENTICATED)).reason == "CREDENTIALS_MISSING"
