"""Answers that a client has already, in gzip, and who may keep them how long."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator

import pytest

from edge_proxy.app import EdgeApp
from edge_proxy.config import EdgeConfig
from edge_proxy.edge import open_edge
from tests.services.edge_proxy.asgi import request
from tests.services.edge_proxy.stand_in import StandIn

LONG = "word " * 300
ALL = "Authorization, Accept, Accept-Encoding, Origin"


@pytest.fixture
async def edge(feed: StandIn) -> AsyncIterator[EdgeApp]:
    feed.answers("GetPage", text=LONG)
    config = EdgeConfig(contracts=feed.contracts, upstreams={"feed.v1.Feed": f"ipv4:127.0.0.1:{feed.port}"})
    async with open_edge(config) as app:
        yield app


async def test_a_client_that_has_the_answer_gets_none(edge: EdgeApp, feed: StandIn) -> None:
    first = await request(edge, "GET", "/v1/pages/a")
    etag = first.headers["etag"]
    assert (first.headers["cache-control"], first.headers["vary"]) == ("private, no-cache", ALL)
    assert etag.startswith('"')
    assert len(etag) == 24
    packed = f'{etag[:-1]}-gzip"'
    for known in (etag, f"W/{etag}", packed, f"W/{packed}", "*", f'"x", {etag}', f'"x",W/{packed} , "y"'):
        for verb in ("GET", "HEAD"):
            again = await request(edge, verb, "/v1/pages/a", headers={"if-none-match": known})
            assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
            assert (again.headers["cache-control"], again.headers["vary"]) == ("private, no-cache", ALL)
            assert "content-length" not in again.headers
    for other in ('"x"', etag[1:-1], "", 'W/"x-gzip"', f"{etag[:-1]}-gzip-gzip{etag[-1]}"):
        assert (await request(edge, "GET", "/v1/pages/a", headers={"if-none-match": other})).status == 200
    feed.answers("GetPage", text=LONG + ".")
    changed = await request(edge, "GET", "/v1/pages/a", headers={"if-none-match": etag})
    assert changed.status == 200
    assert changed.headers["etag"] != etag


async def test_only_a_get_has_an_etag_and_only_success(edge: EdgeApp, feed: StandIn) -> None:
    posted = await request(edge, "POST", "/v1/pages/a", "{}", {"if-none-match": "*"})
    assert posted.status == 200
    assert "etag" not in posted.headers
    wrong = await request(edge, "GET", "/v1/pages/a?x=1", headers={"if-none-match": "*"})
    assert wrong.status == 400
    assert "etag" not in wrong.headers
    assert (await request(edge, "GET", "/v1/secret-pages/a", headers={"if-none-match": "*"})).status == 200


@pytest.mark.parametrize(
    ("target", "kept", "varies"),
    [
        ("/v1/public-pages/a", "public, max-age=60", "Accept, Accept-Encoding, Origin"),
        ("/v1/secret-pages/a", "private, no-store", ALL),
        ("/v1/plain-pages/a", None, "Accept, Accept-Encoding, Origin"),
        ("/v1/whole-files/a", "private, no-store", ALL),
    ],
)
async def test_the_policy_says_who_may_keep_an_answer(
    edge: EdgeApp, target: str, kept: str | None, varies: str
) -> None:
    reply = await request(edge, "GET", target)
    assert (reply.headers.get("cache-control"), reply.headers["vary"]) == (kept, varies)


@pytest.mark.parametrize(
    ("accepted", "is_packed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("deflate, *;q=0.1", True),
        ("x-gzip", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*;q=0", False),
        ("gzip;q=nonsense", False),
    ],
)
async def test_a_long_answer_comes_in_gzip_to_who_takes_it(edge: EdgeApp, accepted: str, is_packed: bool) -> None:
    plain = await request(edge, "GET", "/v1/pages/a")
    reply = await request(edge, "GET", "/v1/pages/a", headers={"accept-encoding": accepted})
    assert reply.headers["vary"] == ALL
    assert ("content-encoding" in reply.headers) is is_packed
    if is_packed:
        assert reply.headers["content-encoding"] == "gzip"
        assert gzip.decompress(reply.body) == plain.body
        assert len(reply.body) < len(plain.body) / 4
        assert reply.headers["etag"] == f'{plain.headers["etag"][:-1]}-gzip"'
    else:
        assert reply.body == plain.body
        assert reply.headers["etag"] == plain.headers["etag"]


@pytest.mark.parametrize(("length", "is_packed"), [(1023, False), (1024, True), (1_000_000, True)])
async def test_a_short_answer_stays_as_it_is(edge: EdgeApp, feed: StandIn, length: int, is_packed: bool) -> None:
    feed.answers("GetPage", text="x" * (length - len(b'{"text":""}')))
    reply = await request(edge, "GET", "/v1/pages/a", headers={"accept-encoding": "gzip"})
    assert ("content-encoding" in reply.headers) is is_packed
    body = gzip.decompress(reply.body) if is_packed else reply.body
    assert len(body) == length


@pytest.mark.parametrize(
    ("kind", "is_packed"), [("image/png", False), ("application/octet-stream", False), ("text/csv", True)]
)
async def test_bytes_that_are_no_text_stay_as_they_are(
    edge: EdgeApp, feed: StandIn, kind: str, is_packed: bool
) -> None:
    feed.answers("GetFile", content_type=kind, data=LONG.encode())
    reply = await request(edge, "GET", "/v1/whole-files/a", headers={"accept-encoding": "gzip"})
    assert ("content-encoding" in reply.headers) is is_packed


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("", 200),
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("application/*;q=0.1", 200),
        ("text/html, */*;q=0.8", 200),
        ("text/html", 406),
        ("text/event-stream", 406),
        ("*/*, application/json;q=0", 406),
        ("application/*;q=0, */*", 406),
    ],
)
async def test_who_takes_no_json_is_told_so_before_anything_happens(
    edge: EdgeApp, feed: StandIn, accept: str, status: int
) -> None:
    reply = await request(edge, "POST", "/v1/pages/a", "{}", {"accept": accept})
    assert reply.status == status
    if status == 406:
        assert (reply.reason, reply.error["status"]) == ("CONTENT_TYPE_UNSUPPORTED", "INVALID_ARGUMENT")
        assert json.loads(reply.body)["error"]["code"] == 406
    assert len(feed.asked) == (status == 200)
