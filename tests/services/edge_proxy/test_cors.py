"""Pages of other origins: those that are listed may call, and nobody else is told anything."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from edge_proxy.app import EdgeApp
from edge_proxy.config import EdgeConfig
from edge_proxy.cors import checked_origins
from edge_proxy.edge import open_edge
from tests.services.edge_proxy.asgi import Reply, request
from tests.services.edge_proxy.listening_edge import listening
from tests.services.edge_proxy.raw_http import conversation
from tests.services.edge_proxy.stand_in import StandIn

APP, OTHER = "https://app.example", "http://localhost:3000"


def config(feed: StandIn, allowed: str) -> EdgeConfig:
    targets = {"feed.v1.Feed": f"ipv4:127.0.0.1:{feed.port}"}
    return EdgeConfig(contracts=feed.contracts, upstreams=targets, cors_origins=allowed)


@pytest.fixture
async def edge(feed: StandIn) -> AsyncIterator[EdgeApp]:
    async with open_edge(config(feed, f"{APP} {OTHER}")) as app:
        yield app


def allowed(reply: Reply) -> dict[str, str]:
    return {name: value for name, value in reply.headers.items() if name.startswith("access-control-")}


async def preflight(edge: EdgeApp, target: str, origin: str) -> Reply:
    asked = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": "x"}
    return await request(edge, "OPTIONS", target, headers=asked)


@pytest.mark.parametrize("origin", [APP, OTHER])
@pytest.mark.parametrize("target", ["/v1/pages/a", "/v1/pages/a?x=1", "/v1/nowhere"])
async def test_a_page_of_a_listed_origin_may_read_every_answer(edge: EdgeApp, origin: str, target: str) -> None:
    reply = await request(edge, "GET", target, headers={"origin": origin})
    told = allowed(reply)
    assert told["access-control-allow-origin"] == origin
    assert told["access-control-allow-credentials"] == "true"
    exposed = set(told["access-control-expose-headers"].split(", "))
    assert {"ETag", "Location", "Retry-After", "X-Request-Id", "RateLimit-Remaining"} <= exposed
    assert "Origin" in reply.headers["vary"]


async def test_a_listed_origin_may_send_what_the_path_answers_to(edge: EdgeApp, feed: StandIn) -> None:
    reply = await preflight(edge, "/v1/pages/a", APP)
    told = allowed(reply)
    assert (reply.status, reply.body) == (204, b"")
    assert told["access-control-allow-methods"] == reply.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert {"Authorization", "Content-Type", "Idempotency-Key"} <= set(told["access-control-allow-headers"].split(", "))
    assert told["access-control-max-age"] == "7200"
    assert told["access-control-allow-origin"] == APP
    any_verb = await preflight(edge, "/v1/any/a", APP)
    assert any_verb.status == 204
    assert "DELETE" in allowed(any_verb)["access-control-allow-methods"]
    assert not feed.asked
    assert (await request(edge, "OPTIONS", "/v1/any/a", headers={"origin": APP})).status == 200
    assert (await preflight(edge, "/v1/nowhere", APP)).status == 404


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://app.example.evil", "http://app.example", APP + ":443", "null", "*", ""]
)
async def test_another_origin_is_told_nothing(edge: EdgeApp, origin: str) -> None:
    reply = await request(edge, "GET", "/v1/pages/a", headers={"origin": origin})
    assert reply.status == 200
    assert not allowed(reply)
    asked = await preflight(edge, "/v1/pages/a", origin)
    assert asked.status == 204
    assert not allowed(asked)


async def test_without_a_list_nobody_is_told_anything(feed: StandIn) -> None:
    async with open_edge(config(feed, "")) as edge:
        assert not allowed(await request(edge, "GET", "/v1/pages/a", headers={"origin": APP}))


async def test_a_page_may_read_a_stream(feed: StandIn) -> None:
    async with listening(config(feed, APP)) as edge, conversation(edge.port) as client:
        await client.ask("/v1/feed:watch", f"Origin: {APP}")
        assert client.headers is not None
        assert client.headers["access-control-allow-origin"] == APP
        assert "Origin" in client.headers["vary"]


@pytest.mark.parametrize(
    "text", ["*", "app.example", "https://app.example/", "https://*.example", "null", f"{APP},{APP}"]
)
def test_what_is_no_exact_origin_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        checked_origins(text)
