"""BatchGetGraphCounts."""

from __future__ import annotations

import grpc

from aviary.events.v1.events_pb2 import AUTHOR_CLASS_PUSH
from aviary.graph.internal.v1.graph_internal_service_pb2 import BatchGetGraphCountsRequest, GraphCounts
from tests.services.graph_svc.callers import ANN, BOB, CYD, NOBODY, Callers
from tests.support.refused import refused


async def test_counts_and_classes_of_many_with_known_zeros(graph: Callers) -> None:
    await graph.follow(ANN, BOB, CYD)
    await graph.follow(CYD, BOB)
    request = BatchGetGraphCountsRequest(user_ids=[ANN, BOB, CYD, NOBODY])
    answer = await graph.service("user_svc").BatchGetGraphCounts(request)
    assert dict(answer.counts) == {
        ANN: GraphCounts(followers_count=0, following_count=2, author_class=AUTHOR_CLASS_PUSH),
        BOB: GraphCounts(followers_count=2, following_count=0, author_class=AUTHOR_CLASS_PUSH),
        CYD: GraphCounts(followers_count=1, following_count=1, author_class=AUTHOR_CLASS_PUSH),
        NOBODY: GraphCounts(author_class=AUTHOR_CLASS_PUSH),
    }


async def test_nobody_asked_is_nobody_answered(graph: Callers) -> None:
    assert not (await graph.service().BatchGetGraphCounts(BatchGetGraphCountsRequest())).counts


async def test_more_than_1000_accounts_are_refused(graph: Callers) -> None:
    call = graph.service().BatchGetGraphCounts(BatchGetGraphCountsRequest(user_ids=range(1, 1_002)))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["userIds"]


async def test_a_user_may_not_call_it(graph: Callers) -> None:
    call = graph.user_on_internal(ANN).BatchGetGraphCounts(BatchGetGraphCountsRequest(user_ids=[ANN]))
    assert (await refused(call, grpc.StatusCode.PERMISSION_DENIED)).reason == "CALLER_NOT_ALLOWED"
