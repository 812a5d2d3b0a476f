"""ListFollowing."""

from __future__ import annotations

import grpc

from aviary.graph.v1.graph_service_pb2 import FollowUserRequest, ListFollowingRequest, UnfollowUserRequest
from aviary.type.v1.tweet_pb2 import EXPANSION_AUTHOR
from tests.services.graph_svc.callers import ANN, BOB, CYD, DAN, EVE, NOBODY, Callers
from tests.support.refused import refused


async def test_newest_first_with_time_and_total(graph: Callers) -> None:
    await graph.follow(ANN, BOB, CYD, DAN)
    answer = await graph.user(EVE).ListFollowing(ListFollowingRequest(user_id=ANN))
    assert [edge.user_id for edge in answer.following] == [DAN, CYD, BOB]
    assert all(edge.create_time.seconds for edge in answer.following)
    assert (answer.total_count, answer.next_page_token) == (3, "")


async def test_a_follow_begun_again_has_its_old_place_and_time(graph: Callers) -> None:
    await graph.follow(ANN, BOB, CYD)
    before = await graph.user(0).ListFollowing(ListFollowingRequest(user_id=ANN))
    await graph.user(ANN).UnfollowUser(UnfollowUserRequest(user_id=BOB))
    await graph.user(ANN).FollowUser(FollowUserRequest(user_id=BOB))
    assert await graph.user(0).ListFollowing(ListFollowingRequest(user_id=ANN)) == before


async def test_pages_walk_down_to_the_oldest(graph: Callers) -> None:
    await graph.follow(ANN, BOB, CYD, DAN, EVE)
    listed, token = [], ""
    for _ in range(2):
        request = ListFollowingRequest(user_id=ANN, page_size=2, page_token=token)
        answer = await graph.user(0).ListFollowing(request)
        listed += [edge.user_id for edge in answer.following]
        token = answer.next_page_token
    assert (listed, token) == ([EVE, DAN, CYD, BOB], "")


async def test_accounts_are_included_when_asked_for(graph: Callers) -> None:
    await graph.follow(ANN, BOB, CYD)
    request = ListFollowingRequest(user_id=ANN, expansions=[EXPANSION_AUTHOR])
    answer = await graph.user(0).ListFollowing(request)
    assert {user.username for user in answer.includes.users} == {"bob", "cyd"}


async def test_a_negative_page_size_is_refused(graph: Callers) -> None:
    call = graph.user(0).ListFollowing(ListFollowingRequest(user_id=ANN, page_size=-1))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["pageSize"]


async def test_an_unknown_account_is_not_found(graph: Callers) -> None:
    call = graph.user(0).ListFollowing(ListFollowingRequest(user_id=NOBODY))
    assert (await refused(call, grpc.StatusCode.NOT_FOUND)).reason == "USER_NOT_FOUND"


async def test_a_forged_token_is_refused(graph: Callers) -> None:
    call = graph.user(0).ListFollowing(ListFollowingRequest(user_id=ANN, page_token="forged"))
    assert (await refused(call, grpc.StatusCode.INVALID_ARGUMENT)).reason == "PAGE_TOKEN_INVALID"


async def test_an_expansion_that_does_not_exist_is_refused(graph: Callers) -> None:
    request = ListFollowingRequest(user_id=ANN, expansions=[99])  # type: ignore[list-item]  # as a client may send it
    error = await refused(graph.user(0).ListFollowing(request), grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["expansions[0]"]
