"""ResolveUsers."""

from __future__ import annotations

import grpc

from aviary.user.internal.v1.user_internal_service_pb2 import ResolveUsersRequest
from tests.services.user_svc.callers import UNKNOWN, Callers
from tests.services.user_svc.known_counts import KnownFollows
from tests.support.refused import refused


async def test_accounts_come_by_id_and_by_name_each_once_and_without_counts(
    users: Callers, follows: KnownFollows
) -> None:
    ann, bob = await users.sign_up("Ann"), await users.sign_up("Bob")
    request = ResolveUsersRequest(
        user_ids=[ann.user_id, UNKNOWN, ann.user_id], usernames=["ANN", "bob", "nobody", "🐦", "' OR 1=1 --"]
    )
    answer = await users.service().ResolveUsers(request)
    assert sorted(user.user_id for user in answer.users) == sorted([ann.user_id, bob.user_id])
    assert not any(user.HasField("counts") for user in answer.users)
    assert follows.calls == []


async def test_nothing_asked_is_nothing_answered(users: Callers) -> None:
    assert not (await users.service().ResolveUsers(ResolveUsersRequest())).users


async def test_an_address_is_in_no_answer(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    request = ResolveUsersRequest(user_ids=[ann.user_id], usernames=["Ann@Example.org"])
    answer = await users.service().ResolveUsers(request)
    assert [user.user_id for user in answer.users] == [ann.user_id]
    assert b"example.org" not in answer.SerializeToString().lower()


async def test_more_than_a_thousand_are_refused(users: Callers) -> None:
    for request in (
        ResolveUsersRequest(user_ids=range(1, 1002)),
        ResolveUsersRequest(usernames=[f"u{number}" for number in range(1001)]),
    ):
        error = await refused(users.service().ResolveUsers(request), grpc.StatusCode.INVALID_ARGUMENT)
        assert error.reason == "VALIDATION_FAILED"


async def test_a_user_may_not_call_it(users: Callers) -> None:
    call = users.user_on_internal(UNKNOWN).ResolveUsers(ResolveUsersRequest(user_ids=[1]))
    assert (await refused(call, grpc.StatusCode.PERMISSION_DENIED)).reason == "CALLER_NOT_ALLOWED"
