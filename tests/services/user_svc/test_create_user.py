"""CreateUser."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from aviary.user.v1.user_service_pb2 import CreateUserRequest, GetUserByUsernameRequest, GetUserRequest
from tests.services.user_svc.callers import PASSWORD, Callers, a_sign_up
from tests.support.refused import refused

BAD = grpc.StatusCode.INVALID_ARGUMENT


def changed(**fields: str) -> CreateUserRequest:
    request = a_sign_up("Ann")
    for name, value in fields.items():
        setattr(request, name, value)
    return request


async def nobody_signed_up(users: Callers) -> bool:
    return not await users.waiting_events()


async def test_a_new_account_is_answered_without_what_is_secret(users: Callers) -> None:
    user = await users.sign_up("Ann_1")
    assert user.user_id > 2**60
    assert (user.username, user.display_name, user.bio) == ("Ann_1", "Ann_1", "hi")
    assert not user.verified
    assert user.create_time == user.update_time
    assert user.HasField("counts")
    assert user.counts.followers_count == 0
    assert b"example.org" not in user.SerializeToString().lower()


async def test_a_new_account_can_be_read_and_is_announced(users: Callers) -> None:
    user = await users.sign_up("Ann")
    read = await users.user(0).GetUser(GetUserRequest(user_id=user.user_id))
    assert read.user.username == "Ann"
    assert await users.waiting_events() == [("changed", user.user_id)]


async def test_a_display_name_is_stripped_of_what_turns_text_around(users: Callers) -> None:
    request = changed(display_name="  \u202eAnn\u2066 B\u200f ")
    assert (await users.user(0).CreateUser(request)).user.display_name == "Ann B"
    only_marks = a_sign_up("Bob")
    only_marks.display_name = "\u202e "
    assert (await users.user(0).CreateUser(only_marks)).user.display_name == "Bob"


@pytest.mark.parametrize("username", ["Ann", "ann", "ANN"])
async def test_a_name_is_taken_in_every_case(users: Callers, username: str) -> None:
    await users.sign_up("Ann")
    request = a_sign_up(username)
    request.email = "other@example.org"
    error = await refused(users.user(0).CreateUser(request), grpc.StatusCode.ALREADY_EXISTS)
    assert error.reason == "USERNAME_TAKEN"
    assert [violation.field for violation in error.violations] == ["username"]


@pytest.mark.parametrize("email", ["Ann@Example.org", "ann@example.ORG"])
async def test_an_address_is_taken_in_every_case(users: Callers, email: str) -> None:
    await users.sign_up("Ann")
    request = a_sign_up("Bob")
    request.email = email
    error = await refused(users.user(0).CreateUser(request), grpc.StatusCode.ALREADY_EXISTS)
    assert error.reason == "EMAIL_TAKEN"
    assert [violation.field for violation in error.violations] == ["email"]


async def test_of_many_sign_ups_for_one_name_at_once_one_wins(users: Callers) -> None:
    async def sign_up(number: int) -> str:
        request = a_sign_up("Ann")
        request.email = f"ann{number}@example.org"
        try:
            await users.user(0).CreateUser(request)
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "OK"

    outcomes = await asyncio.gather(*(sign_up(number) for number in range(6)))
    assert sorted(outcomes) == ["ALREADY_EXISTS"] * 5 + ["OK"]
    assert len(await users.waiting_events()) == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "a" * 51}, "username"),
        ({"username": "an n"}, "username"),
        ({"username": "ann\n"}, "username"),
        ({"username": "\uff21nn"}, "username"),
        ({"username": "al\u200bice"}, "username"),
        ({"username": "\u0430nn"}, "username"),
        ({"email": ""}, "email"),
        ({"email": "ann"}, "email"),
        ({"email": "a" * 250 + "@b.org"}, "email"),
        ({"password": ""}, "password"),
        ({"password": "short77"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"display_name": "a" * 101}, "displayName"),
        ({"display_name": "a\nb"}, "displayName"),
        ({"display_name": "a\x00b"}, "displayName"),
        ({"bio": "b" * 501}, "bio"),
        ({"bio": "b\x1b[2J"}, "bio"),
        ({"request_id": "no spaces"}, "requestId"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_stored(users: Callers, fields: dict[str, str], field: str) -> None:
    error = await refused(users.user(0).CreateUser(changed(**fields)), BAD)
    assert error.reason == "VALIDATION_FAILED"
    assert [violation.field for violation in error.violations] == [field]
    assert await nobody_signed_up(users)


async def test_every_wrong_field_is_named_at_once(users: Callers) -> None:
    error = await refused(users.user(0).CreateUser(CreateUserRequest()), BAD)
    assert [violation.field for violation in error.violations] == ["username", "email", "password"]


@pytest.mark.parametrize(
    "password", ["Password1", "12345678", "zzzzzzzz", "annabella", "ANNABELLA", "annabella@example.org", " " * 8]
)
async def test_a_password_that_anybody_would_guess_is_refused(users: Callers, password: str) -> None:
    call = users.user(0).CreateUser(a_sign_up("Annabella", password=password))
    error = await refused(call, BAD)
    assert error.reason == "PASSWORD_TOO_WEAK"
    assert [violation.field for violation in error.violations] == ["password"]
    assert password not in error.message
    assert await nobody_signed_up(users)


@pytest.mark.parametrize("password", ["x" * 127 + "y", "пароль-из-слов", "🔑" * 7 + "🚪", "        spaces"])
async def test_long_and_foreign_passwords_are_taken(users: Callers, password: str) -> None:
    assert (await users.user(0).CreateUser(a_sign_up("Ann", password=password))).user.user_id


async def test_the_fields_of_the_longest_names_fit(users: Callers) -> None:
    name = "a" * 50
    request = CreateUserRequest(
        username=name, email="a@b.org", password=PASSWORD, display_name="ü" * 100, bio="語\n\t" * 166
    )
    user = (await users.user(0).CreateUser(request)).user
    assert (user.display_name, user.bio) == ("ü" * 100, "語\n\t" * 166)
    read = await users.user(0).GetUserByUsername(GetUserByUsernameRequest(username=name))
    assert read.user.user_id == user.user_id
