"""ListFolloweeIds."""

from __future__ import annotations

import grpc

from aviary.events.v1.events_pb2 import AUTHOR_CLASS_PUSH
from aviary.graph.internal.v1.graph_internal_service_pb2 import (
    Followee,
    ListFolloweeIdsRequest,
    ListFolloweeIdsResponse,
)
from tests.services.graph_svc.callers import ANN, BOB, CYD, DAN, NOBODY, Callers
from tests.support.refused import refused


async def test_a_chain_of_pages_meets_every_followee_with_its_class(graph: Callers) -> None:
    await graph.follow(ANN, BOB, CYD, DAN)
    first = await graph.service().ListFolloweeIds(ListFolloweeIdsRequest(user_id=ANN, limit=2))
    dan, cyd = first.followees
    assert dan == Followee(user_id=DAN, author_class=AUTHOR_CLASS_PUSH, edge_id=dan.edge_id)
    assert cyd == Followee(user_id=CYD, author_class=AUTHOR_CLASS_PUSH, edge_id=first.next_after_edge_id)
    assert dan.edge_id > cyd.edge_id > 0
    request = ListFolloweeIdsRequest(user_id=ANN, limit=2, after_edge_id=first.next_after_edge_id)
    second = await graph.service().ListFolloweeIds(request)
    assert [followee.user_id for followee in second.followees] == [BOB]
    assert second.next_after_edge_id == 0


async def test_an_unknown_account_follows_nobody(graph: Callers) -> None:
    answer = await graph.service().ListFolloweeIds(ListFolloweeIdsRequest(user_id=NOBODY))
    assert answer == ListFolloweeIdsResponse()


async def test_an_impossible_limit_is_refused(graph: Callers) -> None:
    call = graph.service().ListFolloweeIds(ListFolloweeIdsRequest(user_id=ANN, limit=1_001))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["limit"]


async def test_only_timeline_svc_may_call_it(graph: Callers) -> None:
    request = ListFolloweeIdsRequest(user_id=ANN)
    for stub in (graph.user_on_internal(ANN), graph.service("user_svc")):
        error = await refused(stub.ListFolloweeIds(request), grpc.StatusCode.PERMISSION_DENIED)
        assert error.reason == "CALLER_NOT_ALLOWED"
