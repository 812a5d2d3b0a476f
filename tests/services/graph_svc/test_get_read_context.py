"""GetReadContext."""

from __future__ import annotations

import grpc

from aviary.graph.internal.v1.graph_internal_service_pb2 import GetReadContextRequest
from aviary.graph.v1.graph_service_pb2 import UnfollowUserRequest
from aviary.type.v1.user_pb2 import Relationship
from tests.services.graph_svc.callers import ANN, BOB, CYD, NOBODY, Callers
from tests.support.refused import refused


async def test_relationships_come_in_the_order_asked(graph: Callers) -> None:
    await graph.follow(ANN, BOB)
    await graph.follow(CYD, ANN)
    request = GetReadContextRequest(viewer_user_id=ANN, author_user_ids=[CYD, NOBODY, BOB])
    answer = await graph.service().GetReadContext(request)
    assert list(answer.relationships) == [
        Relationship(user_id=CYD, followed_by=True),
        Relationship(user_id=NOBODY),
        Relationship(user_id=BOB, following=True),
    ]
    assert not answer.pull_author_ids


async def test_the_version_grows_with_every_change_of_the_viewers_follows(graph: Callers) -> None:
    request = GetReadContextRequest(viewer_user_id=ANN)
    versions = [(await graph.service().GetReadContext(request)).version]
    await graph.follow(ANN, BOB)
    versions.append((await graph.service().GetReadContext(request)).version)
    await graph.user(ANN).UnfollowUser(UnfollowUserRequest(user_id=BOB))
    versions.append((await graph.service().GetReadContext(request)).version)
    assert versions == sorted(set(versions))


async def test_a_stranger_has_an_empty_context(graph: Callers) -> None:
    answer = await graph.service().GetReadContext(GetReadContextRequest(viewer_user_id=NOBODY))
    assert (list(answer.relationships), list(answer.pull_author_ids), answer.version) == ([], [], 0)


async def test_impossible_requests_are_refused(graph: Callers) -> None:
    for request, field in (
        (GetReadContextRequest(viewer_user_id=0), "viewerUserId"),
        (GetReadContextRequest(viewer_user_id=ANN, author_user_ids=[0]), "authorUserIds[0]"),
        (GetReadContextRequest(viewer_user_id=ANN, author_user_ids=range(1, 1_002)), "authorUserIds"),
    ):
        error = await refused(graph.service().GetReadContext(request), grpc.StatusCode.INVALID_ARGUMENT)
        assert [violation.field for violation in error.violations] == [field]


async def test_a_user_may_not_call_it(graph: Callers) -> None:
    call = graph.user_on_internal(ANN).GetReadContext(GetReadContextRequest(viewer_user_id=ANN))
    assert (await refused(call, grpc.StatusCode.PERMISSION_DENIED)).reason == "CALLER_NOT_ALLOWED"
