"""ListFollowerIds."""

from __future__ import annotations

import grpc
import pytest

from aviary.graph.internal.v1.graph_internal_service_pb2 import ListFollowerIdsRequest, ListFollowerIdsResponse
from aviary.graph.v1.graph_service_pb2 import UnfollowUserRequest
from tests.services.graph_svc.callers import ANN, BOB, CYD, DAN, EVE, NOBODY, Callers
from tests.support.refused import refused


async def test_a_chain_of_pages_meets_every_live_follower_once(graph: Callers) -> None:
    for follower_id in (ANN, BOB, CYD, DAN):
        await graph.follow(follower_id, EVE)
    await graph.user(BOB).UnfollowUser(UnfollowUserRequest(user_id=EVE))
    first = await graph.service().ListFollowerIds(ListFollowerIdsRequest(user_id=EVE, limit=2))
    assert list(first.follower_user_ids) == [DAN, CYD]
    request = ListFollowerIdsRequest(user_id=EVE, limit=2, after_edge_id=first.next_after_edge_id)
    second = await graph.service().ListFollowerIds(request)
    assert second == ListFollowerIdsResponse(follower_user_ids=[ANN])


async def test_without_a_limit_all_come(graph: Callers) -> None:
    for follower_id in (ANN, BOB):
        await graph.follow(follower_id, EVE)
    answer = await graph.service("user_svc").ListFollowerIds(ListFollowerIdsRequest(user_id=EVE))
    assert answer == ListFollowerIdsResponse(follower_user_ids=[BOB, ANN])


async def test_an_unknown_account_has_no_followers(graph: Callers) -> None:
    answer = await graph.service().ListFollowerIds(ListFollowerIdsRequest(user_id=NOBODY))
    assert answer == ListFollowerIdsResponse()


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (ListFollowerIdsRequest(user_id=0), "userId"),
        (ListFollowerIdsRequest(user_id=EVE, after_edge_id=-1), "afterEdgeId"),
        (ListFollowerIdsRequest(user_id=EVE, limit=-1), "limit"),
        (ListFollowerIdsRequest(user_id=EVE, limit=1_001), "limit"),
    ],
)
async def test_impossible_requests_are_refused(graph: Callers, request_: ListFollowerIdsRequest, field: str) -> None:
    error = await refused(graph.service().ListFollowerIds(request_), grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == [field]


async def test_neither_a_user_nor_another_service_may_call_it(graph: Callers) -> None:
    request = ListFollowerIdsRequest(user_id=EVE)
    for stub in (graph.user_on_internal(ANN), graph.service("tweet_svc")):
        error = await refused(stub.ListFollowerIds(request), grpc.StatusCode.PERMISSION_DENIED)
        assert error.reason == "CALLER_NOT_ALLOWED"
