"""RefreshSession."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import grpc
import pytest

from aviary.auth.v1.auth_service_pb2 import RefreshSessionRequest, TokenPair
from aviary.user.v1.user_service_pb2 import GetUserRequest
from mesh.clock import FrozenClock
from tests.services.user_svc.callers import Callers
from tests.support.refused import refused

INVALID = grpc.StatusCode.UNAUTHENTICATED


async def refresh(users: Callers, token: str) -> TokenPair:
    return (await users.auth().RefreshSession(RefreshSessionRequest(refresh_token=token))).tokens


async def test_new_tokens_work_and_the_old_refresh_token_is_not_the_new_one(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    first = await users.log_in("Ann")
    second = await refresh(users, first.refresh_token)
    assert second.refresh_token != first.refresh_token
    read = await users.with_token(second.access_token).GetUser(GetUserRequest())
    assert read.user.user_id == ann.user_id
    assert (await refresh(users, second.refresh_token)).access_token


async def test_a_token_used_twice_ends_its_session(users: Callers) -> None:
    await users.sign_up("Ann")
    first = await users.log_in("Ann")
    second = await refresh(users, first.refresh_token)
    error = await refused(refresh(users, first.refresh_token), INVALID)
    assert error.reason == "CREDENTIALS_INVALID"
    for token in (second.refresh_token, first.refresh_token):
        assert (await refused(refresh(users, token), INVALID)).reason == "CREDENTIALS_INVALID"


async def test_other_sessions_of_the_user_go_on(users: Callers) -> None:
    await users.sign_up("Ann")
    stolen, other = await users.log_in("Ann"), await users.log_in("Ann")
    await refresh(users, stolen.refresh_token)
    await refused(refresh(users, stolen.refresh_token), INVALID)
    assert (await refresh(users, other.refresh_token)).access_token


async def test_of_uses_at_the_same_moment_one_wins(users: Callers) -> None:
    await users.sign_up("Ann")
    first = await users.log_in("Ann")
    outcomes = await asyncio.gather(*(refresh(users, first.refresh_token) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(outcome, TokenPair) for outcome in outcomes) == 1


async def test_a_refresh_token_expires_after_30_days(users_in_frozen_time: Callers, clock: FrozenClock) -> None:
    users = users_in_frozen_time
    await users.sign_up("Ann")
    first = await users.log_in("Ann")
    clock.advance(timedelta(days=29))
    second = await refresh(users, first.refresh_token)
    clock.advance(timedelta(days=30))
    assert (await refused(refresh(users, second.refresh_token), INVALID)).reason == "CREDENTIALS_EXPIRED"


@pytest.mark.parametrize("token", ["nonsense", "é" * 10, "a" * 1024, "\x00"])
async def test_an_unknown_token_is_refused(users: Callers, token: str) -> None:
    assert (await refused(refresh(users, token), INVALID)).reason == "CREDENTIALS_INVALID"


async def test_an_access_token_is_no_refresh_token_and_the_other_way_round(users: Callers) -> None:
    await users.sign_up("Ann")
    tokens = await users.log_in("Ann")
    assert (await refused(refresh(users, tokens.access_token), INVALID)).reason == "CREDENTIALS_INVALID"
    call = users.with_token(tokens.refresh_token).GetUser(GetUserRequest())
    assert (await refused(call, INVALID)).reason == "CREDENTIALS_INVALID"


@pytest.mark.parametrize("token", ["", "a" * 1025])
async def test_an_impossible_token_is_refused_by_name(users: Callers, token: str) -> None:
    error = await refused(refresh(users, token), grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["refreshToken"]
