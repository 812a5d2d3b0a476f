"""What our policies add: aliases, success statuses, deadlines, keys of creates, readiness."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from edge_proxy.app import EdgeApp
from tests.services.edge_proxy.asgi import request
from tests.services.edge_proxy.conftest import opened
from tests.services.edge_proxy.stand_in import StandIn
from tests.support.keys import issue_user_token


def bearer() -> dict[str, str]:
    """A fresh token: a run may take longer than one lives."""
    return {"authorization": f"Bearer {issue_user_token(7)}"}


@pytest.mark.parametrize(
    ("verb", "target", "body", "method", "successor"),
    [
        ("POST", "/tweet", '{"content": "hi"}', "CreateTweet", "/v1/tweets"),
        ("POST", "/tweet/", '{"content": "hi"}', "CreateTweet", "/v1/tweets"),
        ("POST", "/api/v1/postTweet", '{"content": "hi", "userId": "1"}', "CreateTweet", "/v1/tweets"),
        ("GET", "/user/7/feed", "", "ListHomeTimeline", "/v1/timelines/home"),
        ("POST", "/api/v1/follow", '{"userId": "9", "private": true}', "FollowUser", "/v1/users/9/follow"),
        ("POST", "/user/9/unfollow", '{"a": 1}', "UnfollowUser", "/v1/users/9/follow"),
        ("POST", "/user/follow/a%2Fb", "", "FollowUserByUsername", "/v1/users/by-username/a%2Fb/follow"),
        ("PUT", "/tweet/5/like", '{"liked": false}', "LikeTweet", "/v1/tweets/5/like"),
    ],
)
async def test_an_alias_reaches_its_method_and_names_its_successor(
    our_edge: EdgeApp, mesh: StandIn, verb: str, target: str, body: str, method: str, successor: str
) -> None:
    reply = await request(our_edge, verb, target, body, bearer())
    assert reply.status in {200, 201}
    assert mesh.last.method == method
    assert reply.headers["link"] == f'<{successor}>; rel="successor-version"'
    assert reply.headers["deprecation"].startswith("@")


async def test_a_route_of_our_own_is_not_lenient_and_not_deprecated(our_edge: EdgeApp, mesh: StandIn) -> None:
    refused = await request(our_edge, "POST", "/v1/tweets", '{"content": "hi", "userId": "1"}', bearer())
    assert (refused.status, refused.fields) == (400, ["userId"])
    taken = await request(our_edge, "POST", "/v1/tweets", '{"content": "hi"}', bearer())
    assert "deprecation" not in taken.headers
    assert "link" not in taken.headers


async def test_a_refused_alias_is_deprecated_as_well(our_edge: EdgeApp) -> None:
    refused = await request(our_edge, "POST", "/tweet", '{"content": 5}', bearer())
    assert (refused.status, refused.fields) == (400, ["content"])
    assert "deprecation" in refused.headers


async def test_aliases_can_be_switched_off(mesh: StandIn) -> None:
    async with opened(mesh, aliases=False) as app:
        assert (await request(app, "POST", "/tweet", '{"content": "hi"}')).status == 404
        assert (await request(app, "POST", "/v1/tweets", '{"content": "hi"}')).status == 201


@pytest.mark.parametrize("verb", ["PUT", "POST"])
async def test_an_alias_of_an_update_merges_whatever_its_verb(our_edge: EdgeApp, mesh: StandIn, verb: str) -> None:
    body = '{"displayName": "Ann", "picture": "x", "counts": {"followersCount": 3}, "verified": true}'
    reply = await request(our_edge, verb, "/api/v1/7/profile", body, bearer())
    assert reply.status == 200
    assert list(mesh.last.request.update_mask.paths) == ["display_name"]


async def test_what_only_the_server_sets_is_ignored_but_must_be_well_formed(our_edge: EdgeApp, mesh: StandIn) -> None:
    body = '{"bio": "x", "verified": true, "counts": {"followersCount": 3}, "createTime": "2026-01-01T00:00:00Z"}'
    assert (await request(our_edge, "PATCH", "/v1/me", body, bearer())).status == 200
    user: Any = mesh.last.request.user
    assert (user.bio, user.verified, user.HasField("counts"), user.HasField("create_time")) == (
        "x",
        False,
        False,
        False,
    )
    assert list(mesh.last.request.update_mask.paths) == ["bio"]
    refused = await request(our_edge, "PATCH", "/v1/me", '{"verified": "yes"}', bearer())
    assert (refused.status, refused.fields) == (400, ["user.verified"])


async def test_a_create_answers_with_the_status_of_its_policy(our_edge: EdgeApp, mesh: StandIn) -> None:
    mesh.answers("CreateTweet", tweet={"tweet_id": 2**60, "content": "hi"})
    reply = await request(our_edge, "POST", "/v1/tweets", '{"content": "hi"}', bearer())
    assert reply.status == 201
    assert reply.json["tweet"]["tweetId"] == str(2**60)


@pytest.mark.parametrize(
    ("target", "asked", "given"),
    [
        ("/v1/limits", None, 2.0),
        ("/v1/timelines/home", None, 0.8),
        ("/v1/limits", "500m", 0.5),
        ("/v1/limits", "1H", 2.0),
        ("/v1/limits", "400000u", 0.4),
    ],
)
async def test_a_call_has_the_time_of_its_policy_and_a_client_can_shorten_it(
    our_edge: EdgeApp, mesh: StandIn, target: str, asked: str | None, given: float
) -> None:
    headers = bearer() if asked is None else bearer() | {"grpc-timeout": asked}
    assert (await request(our_edge, "GET", target, headers=headers)).status == 200
    assert given - 0.3 < mesh.last.seconds <= given


@pytest.mark.parametrize("asked", ["", "5", "S", "-1S", "123456789S", "1s", "1.5S", "\uff11S"])
async def test_a_malformed_timeout_is_refused(our_edge: EdgeApp, mesh: StandIn, asked: str) -> None:
    headers = [("grpc-timeout", asked.encode().decode("latin-1"))]
    reply = await request(our_edge, "GET", "/v1/limits", headers=headers)
    assert (reply.status, reply.fields) == (400, ["grpc-timeout"])


@pytest.mark.parametrize("asked", ["0S", "20m"])
async def test_a_call_that_takes_longer_is_ended(our_edge: EdgeApp, mesh: StandIn, asked: str) -> None:
    async def slow(_request: Any, _call: Any) -> Any:
        await asyncio.Event().wait()

    mesh.behaviours["GetLimits"] = slow
    reply = await request(our_edge, "GET", "/v1/limits", headers={"grpc-timeout": asked})
    assert (reply.status, reply.reason, reply.error["status"]) == (504, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")


async def test_the_key_of_a_create_is_its_request_id(our_edge: EdgeApp, mesh: StandIn) -> None:
    async def replayed(request: Any, call: Any) -> Any:
        await call.send_initial_metadata((("idempotency-replayed", "true"),))
        return mesh.response("CreateTweet")

    mesh.behaviours["CreateTweet"] = replayed
    headers = bearer() | {"idempotency-key": "a_B-9"}
    reply = await request(our_edge, "POST", "/v1/tweets", '{"content": "hi"}', headers)
    assert (reply.status, reply.headers["idempotency-replayed"]) == (201, "true")
    assert mesh.last.request.request_id == "a_B-9"
    same = await request(our_edge, "POST", "/v1/tweets", '{"content": "hi", "requestId": "a_B-9"}', headers)
    assert same.status == 201


@pytest.mark.parametrize("key", ["", "x" * 65, "a b", "ü", "a\x00"])
async def test_a_malformed_key_is_refused(our_edge: EdgeApp, mesh: StandIn, key: str) -> None:
    headers = bearer() | {"idempotency-key": key}
    reply = await request(our_edge, "POST", "/v1/tweets", '{"content": "hi"}', headers)
    assert (reply.status, reply.fields) == (400, ["Idempotency-Key"])
    assert not mesh.asked


async def test_two_different_keys_are_refused(our_edge: EdgeApp, mesh: StandIn) -> None:
    body = '{"content": "hi", "requestId": "one"}'
    reply = await request(our_edge, "POST", "/v1/tweets", body, bearer() | {"idempotency-key": "two"})
    assert (reply.status, reply.fields) == (400, ["requestId"])
    assert not mesh.asked


async def test_a_key_where_there_is_nothing_to_create_is_ignored(our_edge: EdgeApp, mesh: StandIn) -> None:
    assert (await request(our_edge, "GET", "/v1/limits", headers={"idempotency-key": "a b"})).status == 200
    assert mesh.last.header("idempotency-key") is None


async def failing_twice(mesh: StandIn, method: str, code: grpc.StatusCode) -> None:
    async def answer(_request: Any, call: Any) -> Any:
        if sum(asked.method == method for asked in mesh.asked) < 3:
            await call.abort(code, "busy")
        return mesh.response(method)

    mesh.behaviours[method] = answer


@pytest.mark.parametrize(
    ("verb", "target", "body", "method", "attempts"),
    [
        ("GET", "/v1/limits", "", "GetLimits", 3),
        ("PUT", "/v1/users/9/follow", "", "FollowUser", 3),
        ("POST", "/v1/tweets", '{"content": "hi", "requestId": "k"}', "CreateTweet", 3),
        ("POST", "/v1/tweets", '{"content": "hi"}', "CreateTweet", 1),
        ("POST", "/v1/sessions", '{"login": "a", "password": "b"}', "CreateSession", 1),
    ],
)
async def test_only_calls_that_may_be_repeated_are_repeated(
    our_edge: EdgeApp, mesh: StandIn, verb: str, target: str, body: str, method: str, attempts: int
) -> None:
    await failing_twice(mesh, method, grpc.StatusCode.UNAVAILABLE)
    reply = await request(our_edge, verb, target, body, bearer())
    assert len(mesh.asked) == attempts
    assert reply.status == (503 if attempts == 1 else 201 if method.startswith("Create") else 200)


@pytest.mark.parametrize("code", [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.ABORTED])
async def test_only_unavailable_is_repeated(our_edge: EdgeApp, mesh: StandIn, code: grpc.StatusCode) -> None:
    await failing_twice(mesh, "GetLimits", code)
    assert (await request(our_edge, "GET", "/v1/limits")).status in {409, 429}
    assert len(mesh.asked) == 1


async def test_readiness_is_that_of_the_services(mesh: StandIn, our_edge: EdgeApp) -> None:
    assert (await request(our_edge, "GET", "/readyz")).status == 200
    mesh.port = 1
    async with opened(mesh) as app:
        reply = await request(app, "GET", "/readyz")
        assert (reply.status, reply.reason, reply.headers["retry-after"]) == (503, "BACKEND_UNAVAILABLE", "1")
        assert (await request(app, "GET", "/healthz")).status == 200
