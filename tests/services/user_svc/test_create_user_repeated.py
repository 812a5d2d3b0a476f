"""CreateUser under an idempotency key: nobody has logged in, so the password is what proves who repeats it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import grpc

from tests.services.user_svc.callers import Callers, a_sign_up
from tests.support.refused import refused

REQUEST = a_sign_up("Ann", request_id="key-1")
TAKEN = grpc.StatusCode.ALREADY_EXISTS


async def test_a_repeat_answers_the_first_account_and_says_so(users: Callers) -> None:
    first = users.user(0).CreateUser(REQUEST)
    user = (await first).user
    again = users.user(0).CreateUser(REQUEST)
    assert (await again).user.user_id == user.user_id
    assert "idempotency-replayed" not in dict(await first.initial_metadata())
    assert dict(await again.initial_metadata())["idempotency-replayed"] == "true"
    assert await users.waiting_events() == [("changed", user.user_id)]


async def test_a_repeat_with_another_password_learns_only_that_the_name_is_taken(users: Callers) -> None:
    await users.user(0).CreateUser(REQUEST)
    call = users.user(0).CreateUser(a_sign_up("Ann", request_id="key-1", password="another horse"))
    error = await refused(call, TAKEN)
    assert error.reason == "USERNAME_TAKEN"
    assert error.metadata == {}


async def test_another_request_under_the_same_key_is_refused(users: Callers) -> None:
    await users.user(0).CreateUser(REQUEST)
    other = a_sign_up("Ann", request_id="key-1")
    other.email = "other@example.org"
    error = await refused(users.user(0).CreateUser(other), grpc.StatusCode.INVALID_ARGUMENT)
    assert error.reason == "REQUEST_ID_REUSED"
    assert [violation.field for violation in error.violations] == ["requestId"]


async def test_a_key_belongs_to_the_name_it_came_with(users: Callers) -> None:
    ann = (await users.user(0).CreateUser(REQUEST)).user
    bob = (await users.user(0).CreateUser(a_sign_up("Bob", request_id="key-1"))).user
    assert ann.user_id != bob.user_id


async def test_four_at_the_same_moment_make_one_account(users: Callers) -> None:
    answers = await asyncio.gather(*(users.user(0).CreateUser(REQUEST) for _ in range(4)))
    assert len({answer.user.user_id for answer in answers}) == 1
    assert len(await users.waiting_events()) == 1


async def test_of_different_passwords_at_the_same_moment_one_wins(users: Callers) -> None:
    calls = [
        users.user(0).CreateUser(a_sign_up("Ann", request_id="key-1", password=f"password of {number}"))
        for number in range(4)
    ]
    outcomes = await asyncio.gather(*(outcome(call) for call in calls))
    assert sorted(outcomes) == ["ALREADY_EXISTS"] * 3 + ["OK"]


async def test_without_a_key_a_repeat_finds_the_name_taken(users: Callers) -> None:
    await users.sign_up("Ann")
    assert (await refused(users.user(0).CreateUser(a_sign_up("Ann")), TAKEN)).reason == "USERNAME_TAKEN"


async def test_a_key_does_not_open_an_account_that_others_have(users: Callers) -> None:
    await users.sign_up("Ann")
    for _ in range(2):
        assert (await refused(users.user(0).CreateUser(REQUEST), TAKEN)).reason == "USERNAME_TAKEN"


async def outcome(call: Awaitable[object]) -> str:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return "OK"
