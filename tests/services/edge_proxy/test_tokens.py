"""A bad token is refused before anything is read; a good one goes on as it came."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest

from edge_proxy.app import EdgeApp
from mesh.clock import FrozenClock, SystemClock, from_us
from tests.services.edge_proxy.asgi import request
from tests.services.edge_proxy.stand_in import StandIn
from tests.support.keys import issue_service_token, issue_user_token, signing_key

NEEDS_A_USER, FOR_ANYBODY, LOOKS_AT_NOBODY = "/v1/timelines/home", "/v1/tweets/5", "/v1/limits"


def an_hour_ago() -> FrozenClock:
    return FrozenClock(from_us(SystemClock().now_us()) - timedelta(hours=1))


def part(encoded: str) -> dict[str, Any]:
    """A part of a token, decoded."""
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(encoded + "=="))
    return decoded


def unsigned() -> str:
    header, payload, _ = issue_user_token(7).split(".")
    changed = part(header) | {"alg": "none"}
    return f"{base64.urlsafe_b64encode(json.dumps(changed).encode()).decode().rstrip('=')}.{payload}."


def signed_with_the_public_key() -> str:
    claims = part(issue_user_token(7).split(".")[1])
    key = signing_key("user_svc")
    secret = key.private.public_key().public_bytes_raw() + bytes(32)
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": key.kid, "typ": "at+jwt"})


BAD: dict[str, tuple[Callable[[], str], str]] = {
    "expired": (lambda: issue_user_token(7, clock=an_hour_ago()), "CREDENTIALS_EXPIRED"),
    "unsigned": (unsigned, "CREDENTIALS_INVALID"),
    "signed with the public key": (signed_with_the_public_key, "CREDENTIALS_INVALID"),
    "changed": (lambda: issue_user_token(7)[:-8] + "AAAAAAAA", "CREDENTIALS_INVALID"),
    "garbage": (lambda: "garbage", "CREDENTIALS_INVALID"),
    "empty": (lambda: "", "CREDENTIALS_INVALID"),
    "not ascii": (lambda: "ü", "CREDENTIALS_INVALID"),
}


@pytest.mark.parametrize("target", [NEEDS_A_USER, FOR_ANYBODY])
@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_token_is_refused(our_edge: EdgeApp, mesh: StandIn, bad: str, target: str) -> None:
    make, reason = BAD[bad]
    reply = await request(our_edge, "GET", target, headers={"authorization": f"Bearer {make()}"})
    assert (reply.status, reply.reason, reply.headers["www-authenticate"]) == (401, reason, "Bearer")
    assert reply.error["status"] == "UNAUTHENTICATED"
    assert not mesh.asked


async def test_a_method_for_users_needs_a_token(our_edge: EdgeApp, mesh: StandIn) -> None:
    reply = await request(our_edge, "GET", NEEDS_A_USER)
    assert (reply.status, reply.reason, reply.headers["www-authenticate"]) == (401, "CREDENTIALS_MISSING", "Bearer")
    assert not mesh.asked


async def test_another_scheme_is_refused(our_edge: EdgeApp) -> None:
    reply = await request(our_edge, "GET", FOR_ANYBODY, headers={"authorization": "Basic YTpi"})
    assert (reply.status, reply.reason) == (401, "CREDENTIALS_INVALID")


async def test_a_method_for_anybody_needs_no_token(our_edge: EdgeApp, mesh: StandIn) -> None:
    assert (await request(our_edge, "GET", FOR_ANYBODY)).status == 200
    assert mesh.last.header("authorization") is None


async def test_a_method_that_looks_at_nobody_does_not_look_at_the_token(our_edge: EdgeApp, mesh: StandIn) -> None:
    headers = {"authorization": f"Bearer {BAD['expired'][0]()}"}
    assert (await request(our_edge, "GET", LOOKS_AT_NOBODY, headers=headers)).status == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_good_token_goes_on_unchanged(our_edge: EdgeApp, mesh: StandIn, scheme: str) -> None:
    authorization = f"{scheme} {issue_user_token(7)}"
    assert (await request(our_edge, "GET", NEEDS_A_USER, headers={"authorization": authorization})).status == 200
    assert mesh.last.header("authorization") == authorization


async def test_what_a_service_may_do_is_for_the_service_to_say(our_edge: EdgeApp, mesh: StandIn) -> None:
    headers = {"authorization": f"Bearer {issue_service_token('timeline_svc')}"}
    assert (await request(our_edge, "GET", NEEDS_A_USER, headers=headers)).status == 200
    assert mesh.last.method == "ListHomeTimeline"


async def test_a_token_is_looked_at_before_the_body(our_edge: EdgeApp) -> None:
    assert (await request(our_edge, "POST", "/v1/tweets", "x" * 70_000)).status == 401


async def test_a_token_in_the_query_is_an_unknown_parameter(our_edge: EdgeApp) -> None:
    reply = await request(our_edge, "GET", f"{FOR_ANYBODY}?access_token={issue_user_token(7)}")
    assert (reply.status, reply.fields) == (400, ["access_token"])
