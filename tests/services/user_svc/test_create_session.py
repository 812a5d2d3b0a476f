"""CreateSession."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from statistics import median

import grpc
import pytest

from aviary.auth.v1.auth_service_pb2 import CreateSessionRequest
from aviary.type.v1.user_pb2 import User
from aviary.user.v1.user_service_pb2 import GetUserRequest, UpdateUserRequest
from mesh.clock import FrozenClock
from tests.services.user_svc.callers import PASSWORD, Callers, a_sign_up
from tests.support.refused import refused

WRONG = grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("login", ["Ann", "ann", "Ann@Example.org", "ann@example.org"])
async def test_a_name_or_an_address_in_any_case_logs_in(users: Callers, login: str) -> None:
    ann = await users.sign_up("Ann")
    answer = await users.auth().CreateSession(CreateSessionRequest(login=login, password=PASSWORD))
    assert answer.user_id == ann.user_id
    assert answer.session_id
    assert answer.tokens.token_type == "Bearer"


async def test_the_access_token_is_the_users_and_may_do_all_a_user_may(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    tokens = await users.log_in("Ann")
    stub = users.with_token(tokens.access_token)
    assert (await stub.GetUser(GetUserRequest())).user.user_id == ann.user_id
    assert (await stub.UpdateUser(UpdateUserRequest(user=User(bio="new")))).user.bio == "new"


async def test_access_lasts_15_minutes_and_refresh_30_days(users_in_frozen_time: Callers, clock: FrozenClock) -> None:
    users = users_in_frozen_time
    await users.sign_up("Ann")
    tokens = await users.log_in("Ann")
    minute_us = timedelta(minutes=1) // timedelta(microseconds=1)
    assert tokens.access_expire_time.ToMicroseconds() == clock.now_us() + 15 * minute_us
    assert tokens.refresh_expire_time.ToMicroseconds() == clock.now_us() + 30 * 24 * 60 * minute_us
    stub = users.with_token(tokens.access_token)
    clock.advance(timedelta(minutes=15))
    assert (await stub.GetUser(GetUserRequest())).user.username == "Ann"
    clock.advance(timedelta(seconds=6))
    assert (await refused(stub.GetUser(GetUserRequest()), WRONG)).reason == "CREDENTIALS_EXPIRED"


async def test_every_login_is_a_session_of_its_own(users: Callers) -> None:
    await users.sign_up("Ann")
    request = CreateSessionRequest(login="Ann", password=PASSWORD)
    answers = await asyncio.gather(*(users.auth().CreateSession(request) for _ in range(3)))
    assert len({answer.session_id for answer in answers}) == 3
    assert len({answer.tokens.refresh_token for answer in answers}) == 3


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("Ann", "wrong horse"),
        ("Ann", PASSWORD.upper()),
        ("Ann", PASSWORD + " "),
        ("nobody", PASSWORD),
        ("nobody@example.org", PASSWORD),
        ("@", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        ("Ann\x00", PASSWORD),
    ],
)
async def test_an_unknown_login_and_a_wrong_password_get_the_same_answer(
    users: Callers, login: str, password: str
) -> None:
    await users.sign_up("Ann")
    error = await refused(users.auth().CreateSession(CreateSessionRequest(login=login, password=password)), WRONG)
    assert (error.reason, error.message) == ("LOGIN_FAILED", "the login or the password is wrong")
    assert not error.metadata
    assert not error.violations


async def test_an_unknown_login_takes_as_long_as_a_wrong_password(users: Callers) -> None:
    await users.sign_up("Ann")
    seconds: dict[str, list[float]] = {"Ann": [], "nobody": []}
    for _ in range(7):
        for login, taken in seconds.items():
            start = time.process_time()
            await refused(users.auth().CreateSession(CreateSessionRequest(login=login, password="wrong horse")), WRONG)
            taken.append(time.process_time() - start)
    # Of the processor's time, for the machine is shared. A hash takes ten times as much as all the rest of the call:
    # without one the ratio would be far off.
    assert 0.5 < median(seconds["Ann"]) / median(seconds["nobody"]) < 2


async def test_a_password_is_the_same_however_its_accents_were_typed(users: Callers) -> None:
    await users.user(0).CreateUser(a_sign_up("Ann", password="caf\u00e9 horse"))
    request = CreateSessionRequest(login="Ann", password="cafe\u0301 horse")
    assert (await users.auth().CreateSession(request)).user_id


@pytest.mark.parametrize(
    ("login", "password", "field"),
    [("", "x", "login"), ("a" * 256, "x", "login"), ("a", "", "password"), ("a", "x" * 129, "password")],
)
async def test_an_impossible_login_is_refused_before_a_hash_is_paid_for(
    users: Callers, login: str, password: str, field: str
) -> None:
    call = users.auth().CreateSession(CreateSessionRequest(login=login, password=password))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == [field]
