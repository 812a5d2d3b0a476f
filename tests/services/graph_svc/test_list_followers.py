"""ListFollowers."""

from __future__ import annotations

import grpc
import pytest

from aviary.graph.v1.graph_service_pb2 import ListFollowersRequest, ListFollowingRequest, UnfollowUserRequest
from aviary.type.v1.tweet_pb2 import EXPANSION_AUTHOR
from tests.services.graph_svc.callers import ANN, BOB, CYD, DAN, EVE, NOBODY, Callers
from tests.support.refused import refused


async def followed_by_four(graph: Callers) -> None:
    """EVE, by all the others, DAN last."""
    for follower_id in (ANN, BOB, CYD, DAN):
        await graph.follow(follower_id, EVE)


async def test_newest_first_with_time_and_total(graph: Callers) -> None:
    await followed_by_four(graph)
    answer = await graph.user(0).ListFollowers(ListFollowersRequest(user_id=EVE))
    assert [edge.user_id for edge in answer.followers] == [DAN, CYD, BOB, ANN]
    times = [edge.create_time.ToMicroseconds() for edge in answer.followers]
    assert times == sorted(times, reverse=True)
    assert answer.total_count == 4
    assert answer.next_page_token == ""
    assert not answer.includes.users


async def test_pages_are_disjoint_and_complete_though_others_follow_meanwhile(graph: Callers) -> None:
    for follower_id in (ANN, BOB, CYD):
        await graph.follow(follower_id, EVE)
    first = await graph.user(ANN).ListFollowers(ListFollowersRequest(user_id=EVE, page_size=2))
    await graph.follow(DAN, EVE)
    request = ListFollowersRequest(user_id=EVE, page_size=2, page_token=first.next_page_token)
    second = await graph.user(ANN).ListFollowers(request)
    assert [edge.user_id for edge in (*first.followers, *second.followers)] == [CYD, BOB, ANN]
    assert second.next_page_token == ""


async def test_a_full_last_page_has_no_token(graph: Callers) -> None:
    await followed_by_four(graph)
    answer = await graph.user(0).ListFollowers(ListFollowersRequest(user_id=EVE, page_size=4))
    assert (len(answer.followers), answer.next_page_token) == (4, "")


async def test_accounts_are_included_when_asked_for(graph: Callers) -> None:
    await followed_by_four(graph)
    request = ListFollowersRequest(user_id=EVE, page_size=2, expansions=[EXPANSION_AUTHOR])
    answer = await graph.user(0).ListFollowers(request)
    assert {user.user_id: user.username for user in answer.includes.users} == {DAN: "dan", CYD: "cyd"}


async def test_who_stopped_following_is_not_listed(graph: Callers) -> None:
    await followed_by_four(graph)
    await graph.user(CYD).UnfollowUser(UnfollowUserRequest(user_id=EVE))
    answer = await graph.user(0).ListFollowers(ListFollowersRequest(user_id=EVE))
    assert [edge.user_id for edge in answer.followers] == [DAN, BOB, ANN]
    assert answer.total_count == 3


async def test_nobody_follows_is_a_known_zero(graph: Callers) -> None:
    answer = await graph.user(0).ListFollowers(ListFollowersRequest(user_id=ANN))
    assert not answer.followers
    assert answer.HasField("total_count")
    assert answer.total_count == 0


async def test_a_page_size_beyond_the_largest_is_the_largest(graph: Callers) -> None:
    await followed_by_four(graph)
    answer = await graph.user(0).ListFollowers(ListFollowersRequest(user_id=EVE, page_size=2**31 - 1))
    assert len(answer.followers) == 4


async def test_a_negative_page_size_is_refused(graph: Callers) -> None:
    call = graph.user(0).ListFollowers(ListFollowersRequest(user_id=EVE, page_size=-1))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["pageSize"]


async def test_an_unknown_account_is_not_found(graph: Callers) -> None:
    call = graph.user(0).ListFollowers(ListFollowersRequest(user_id=NOBODY))
    error = await refused(call, grpc.StatusCode.NOT_FOUND)
    assert (error.reason, error.metadata["user_id"]) == ("USER_NOT_FOUND", str(NOBODY))


@pytest.mark.parametrize("token", ["x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "é", "a" * 5_000])
async def test_a_forged_token_is_refused(graph: Callers, token: str) -> None:
    call = graph.user(0).ListFollowers(ListFollowersRequest(user_id=EVE, page_token=token))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert error.reason == "PAGE_TOKEN_INVALID"
    assert [violation.field for violation in error.violations] == ["pageToken"]


async def test_a_token_of_another_list_or_caller_is_refused(graph: Callers) -> None:
    await followed_by_four(graph)
    token = (await graph.user(ANN).ListFollowers(ListFollowersRequest(user_id=EVE, page_size=1))).next_page_token
    assert token
    for call in (
        graph.user(BOB).ListFollowers(ListFollowersRequest(user_id=EVE, page_token=token)),
        graph.user(0).ListFollowers(ListFollowersRequest(user_id=EVE, page_token=token)),
        graph.user(ANN).ListFollowers(ListFollowersRequest(user_id=DAN, page_token=token)),
        graph.user(ANN).ListFollowing(ListFollowingRequest(user_id=EVE, page_token=token)),
    ):
        assert (await refused(call, grpc.StatusCode.INVALID_ARGUMENT)).reason == "PAGE_TOKEN_INVALID"
