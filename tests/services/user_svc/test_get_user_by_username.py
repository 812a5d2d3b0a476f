"""GetUserByUsername."""

from __future__ import annotations

import grpc
import pytest

from aviary.user.v1.user_service_pb2 import GetUserByUsernameRequest
from tests.services.user_svc.callers import Callers
from tests.support.refused import refused


@pytest.mark.parametrize("username", ["Ann", "ann", "ANN"])
async def test_the_case_does_not_matter(users: Callers, username: str) -> None:
    ann = await users.sign_up("Ann")
    read = await users.user(0).GetUserByUsername(GetUserByUsernameRequest(username=username))
    assert (read.user.user_id, read.user.username, read.user.counts.tweets_count) == (ann.user_id, "Ann", 7)
    assert not read.HasField("relationship")


async def test_a_user_learns_how_they_stand_to_it(users: Callers) -> None:
    ann, bob = await users.sign_up("Ann"), await users.sign_up("Bob")
    read = await users.user(bob.user_id).GetUserByUsername(GetUserByUsernameRequest(username="ann"))
    assert (read.relationship.user_id, read.relationship.following) == (ann.user_id, True)


async def test_an_unknown_name_is_not_found(users: Callers) -> None:
    call = users.user(0).GetUserByUsername(GetUserByUsernameRequest(username="nobody"))
    error = await refused(call, grpc.StatusCode.NOT_FOUND)
    assert (error.reason, error.metadata) == ("USER_NOT_FOUND", {"username": "nobody"})


@pytest.mark.parametrize("username", ["", "a" * 51, "a b", "ann@example.org", "' OR 1=1 --"])
async def test_what_is_no_name_is_refused(users: Callers, username: str) -> None:
    call = users.user(0).GetUserByUsername(GetUserByUsernameRequest(username=username))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["username"]
