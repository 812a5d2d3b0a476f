"""A contract that the edge has never seen, without options of ours: every kind of binding, in and out."""

from __future__ import annotations

from typing import Any

import pytest

from edge_proxy.app import EdgeApp
from tests.services.edge_proxy.asgi import request
from tests.services.edge_proxy.stand_in import StandIn


async def test_a_get_binds_its_path_and_its_query(edge: EdgeApp, library: StandIn) -> None:
    library.answers("GetBook", id=7, title="Emma", publish_time={"seconds": 0}, authors=["Jane Austen"])
    reply = await request(edge, "GET", "/v1/shelves/a%2Fb/books/9?withCover=true")
    assert library.last.request.name == "shelves/a%2Fb/books/9"
    assert library.last.request.with_cover
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json == {
        "id": "7",
        "name": "",
        "title": "Emma",
        "authors": ["Jane Austen"],
        "publishTime": "1970-01-01T00:00:00Z",
    }


async def test_an_additional_binding_reaches_the_same_method(edge: EdgeApp, library: StandIn) -> None:
    assert (await request(edge, "GET", "/v1/books/12/")).status == 200
    assert (library.last.method, library.last.request.id) == ("GetBook", 12)


async def test_a_response_body_is_one_field_of_the_response(edge: EdgeApp, library: StandIn) -> None:
    library.answers("ListBooks", books=[{"id": 1}, {"id": 2}], next_page_token="more")
    query = "authors=a&authors=b&pageSize=2&after_time=2026-01-01T00:00:00Z"
    reply = await request(edge, "GET", f"/v1/titles?{query}")
    assert [book["id"] for book in reply.json] == ["1", "2"]
    assert list(library.last.request.authors) == ["a", "b"]
    assert library.last.request.after_time.seconds == 1767225600


async def test_a_body_may_be_one_field_of_the_request(edge: EdgeApp, library: StandIn) -> None:
    reply = await request(edge, "POST", "/v1/shelves/s1/books?request_id=r1", '{"title": "Emma", "pagesCount": 0}')
    made = library.last.request
    assert reply.status == 200
    assert (made.shelf, made.book.title, made.request_id) == ("s1", "Emma", "r1")
    assert made.book.HasField("pages_count")
    assert not made.book.HasField("cover")


async def test_an_empty_body_of_a_field_is_an_empty_message_that_is_present(edge: EdgeApp, library: StandIn) -> None:
    assert (await request(edge, "POST", "/v1/shelves/s1/books")).status == 200
    assert library.last.request.HasField("book")


async def test_a_body_may_be_the_whole_request_but_for_its_path(edge: EdgeApp, library: StandIn) -> None:
    library.answers("LendBook", return_time={"seconds": 60, "nanos": 5000})
    reply = await request(edge, "POST", "/v1/books/5:lend", '{"reader": "Ann", "daysCount": 3}')
    assert reply.json == {"returnTime": "1970-01-01T00:01:00.000005Z"}
    assert (library.last.request.id, library.last.request.reader, library.last.request.days_count) == (5, "Ann", 3)


@pytest.mark.parametrize("body", ['["a", "b"]', "", "null"])
async def test_a_body_may_be_a_repeated_field(edge: EdgeApp, library: StandIn, body: str) -> None:
    reply = await request(edge, "POST", "/v1/tags?language=en", body)
    assert reply.status == 200
    assert library.last.request.language == "en"
    assert list(library.last.request.tags) == (["a", "b"] if "a" in body else [])


async def test_a_method_without_body_rule_does_not_look_at_its_body(edge: EdgeApp, library: StandIn) -> None:
    reply = await request(edge, "DELETE", "/v1/books/5", '{"id": 6', {"content-type": "text/plain"})
    assert (reply.status, reply.json, library.last.request.id) == (200, {}, 5)


@pytest.mark.parametrize(
    ("verb", "body", "paths"),
    [
        ("PATCH", '{"title": "x", "pages_count": null}', ["title", "pages_count"]),
        ("PATCH", '{"cover": {"color": "red"}, "authors": []}', ["cover.color", "authors"]),
        ("PATCH", '{"cover": {}, "publishTime": "2026-01-01T00:00:00Z"}', ["cover", "publish_time"]),
        ("PATCH", '{"id": "5"}', []),
        ("PUT", '{"title": "x"}', ["*"]),
        ("PUT", "", ["*"]),
    ],
)
async def test_a_patch_means_what_it_sends_and_a_put_everything(
    edge: EdgeApp, library: StandIn, verb: str, body: str, paths: list[str]
) -> None:
    assert (await request(edge, verb, "/v1/books/5", body)).status == 200
    assert list(library.last.request.update_mask.paths) == paths
    assert library.last.request.book.id == 5


async def test_a_mask_that_the_client_gives_stays(edge: EdgeApp, library: StandIn) -> None:
    await request(edge, "PATCH", "/v1/books/5?updateMask=pagesCount", '{"title": "x"}')
    assert list(library.last.request.update_mask.paths) == ["pages_count"]


async def test_a_raw_body_passes_as_it_is(edge: EdgeApp, library: StandIn) -> None:
    library.answers("Upload", content_type="image/png", data=b"\x89PNG")
    headers = {"content-type": "image/jpeg", "content-encoding": "identity"}
    reply = await request(edge, "POST", "/v1/scans", b"\xff\xd8", headers)
    assert (library.last.request.content_type, library.last.request.data) == ("image/jpeg", b"\xff\xd8")
    assert (reply.headers["content-type"], reply.body) == ("image/png", b"\x89PNG")


@pytest.mark.parametrize("content_type", ["", "text/html\r\nx-evil: 1", "text/\u20ac", " ", "a\x00b"])
async def test_a_content_type_that_no_header_can_say_is_none(
    edge: EdgeApp, library: StandIn, content_type: str
) -> None:
    library.answers("Upload", content_type=content_type, data=b"x")
    reply = await request(edge, "POST", "/v1/scans", b"x")
    assert (reply.headers["content-type"], reply.body) == ("application/octet-stream", b"x")


@pytest.mark.parametrize("verb", ["GET", "POST", "BREW"])
async def test_a_custom_kind_takes_any_verb(edge: EdgeApp, library: StandIn, verb: str) -> None:
    assert (await request(edge, verb, "/v1/search/3")).status == 200
    assert library.last.method == "Search"


async def test_head_is_answered_where_get_is(edge: EdgeApp, library: StandIn) -> None:
    assert (await request(edge, "HEAD", "/v1/books/12")).status == 200
    assert library.last.method == "GetBook"
    assert (await request(edge, "HEAD", "/v1/tags")).status == 405


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("/v1/books/5", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/v1/tags", "OPTIONS, POST"),
    ],
)
async def test_a_known_path_says_what_it_answers_to(edge: EdgeApp, library: StandIn, target: str, allowed: str) -> None:
    asked = await request(edge, "OPTIONS", target)
    assert (asked.status, asked.headers["allow"], asked.body) == (204, allowed, b"")
    refused = await request(edge, "BREW", target)
    assert (refused.status, refused.headers["allow"], refused.reason) == (405, allowed, "METHOD_NOT_ALLOWED")
    assert refused.error["status"] == "UNIMPLEMENTED"
    assert not library.asked


@pytest.mark.parametrize(
    "target",
    [
        "/nowhere",
        "/v1/books//",
        "/v1/archive/5",
        "/library.v1.Library/Hidden",
        "/metrics",
        "/openapi.json/x",
    ],
)
@pytest.mark.parametrize("verb", ["GET", "OPTIONS"])
async def test_a_path_without_binding_is_not_found(edge: EdgeApp, verb: str, target: str) -> None:
    reply = await request(edge, verb, target)
    assert (reply.status, reply.reason) == (404, "ROUTE_NOT_FOUND")


@pytest.mark.parametrize(
    ("verb", "target", "body", "fields"),
    [
        ("GET", "/v1/books/x", "", ["id"]),
        ("GET", "/v1/books/" + "9" * 5000, "", ["id"]),
        ("GET", "/v1/books/%zz", "", ["id"]),
        ("GET", "/v1/books/5?nope=1", "", ["nope"]),
        ("GET", "/v1/books/5?access_token=secret", "", ["access_token"]),
        ("GET", "/v1/books/5?id=6", "", ["id"]),
        ("GET", "/v1/books/5?with_cover=1&withCover=1", "", ["withCover"]),
        ("POST", "/v1/books/5:lend?reader=x", "{}", ["reader"]),
        ("POST", "/v1/books/5:lend", '{"id": 6}', ["id"]),
        ("POST", "/v1/books/5:lend", '{"id": "0"}', ["id"]),
        ("POST", "/v1/books/5:lend", '{"userId": 6}', ["userId"]),
        ("POST", "/v1/books/5:lend", '{"daysCount": "' + "9" * 5000 + '"}', ["daysCount"]),
        ("POST", "/v1/shelves/s/books?book.title=x", "{}", ["book.title"]),
        ("POST", "/v1/shelves/s/books", '{"authors": ["a", 5]}', ["book.authors[1]"]),
        ("PATCH", "/v1/books/5", '{"id": "6"}', ["book.id"]),
        ("POST", "/v1/tags", '{"tags": []}', ["tags"]),
    ],
)
async def test_bad_input_is_refused_and_its_field_named(
    edge: EdgeApp, library: StandIn, verb: str, target: str, body: str, fields: list[str]
) -> None:
    reply = await request(edge, verb, target, body)
    assert (reply.status, reply.reason, reply.fields) == (400, "TRANSCODING_FAILED", fields)
    assert len(reply.body) < 2000
    assert not library.asked


@pytest.mark.parametrize("body", ["[]", "5", "null", " ", "{", "{}x", '{"a":NaN}', "\ufeff{}", "[" * 60_000])
async def test_a_body_that_is_no_object_is_refused(edge: EdgeApp, library: StandIn, body: str) -> None:
    reply = await request(edge, "POST", "/v1/books/5:lend", body)
    assert (reply.status, reply.reason) == (400, "TRANSCODING_FAILED")
    assert not library.asked


@pytest.mark.parametrize(
    ("verb", "target", "body"),
    [
        ("GET", "/v1/books/5?id=5", ""),
        ("POST", "/v1/books/5:lend", '{"id": "5"}'),
        ("POST", "/v1/books/5:lend", '{"id": null}'),
        ("PATCH", "/v1/books/5", '{"id": 5.0}'),
    ],
)
async def test_the_same_value_in_two_places_is_one_value(
    edge: EdgeApp, library: StandIn, verb: str, target: str, body: str
) -> None:
    assert (await request(edge, verb, target, body)).status == 200
    message: Any = library.last.request
    assert (message.book if library.last.method == "UpdateBook" else message).id == 5


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"content-type": "application/json"}, 200),
        ({"content-type": "Application/JSON; charset=UTF-8"}, 200),
        ({"content-type": "application/merge-patch+json"}, 200),
        ({"content-encoding": "identity"}, 200),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "application/json; charset=latin-1"}, 415),
        ({"content-type": "application/jsonp"}, 415),
        ({"content-encoding": "gzip"}, 415),
        ({"content-encoding": "br"}, 415),
    ],
)
async def test_only_plain_json_is_taken(edge: EdgeApp, library: StandIn, headers: dict[str, str], status: int) -> None:
    reply = await request(edge, "POST", "/v1/books/5:lend", "{}", headers)
    assert reply.status == status
    assert len(library.asked) == (status == 200)
    if status == 415:
        assert (reply.reason, reply.error["status"]) == ("CONTENT_TYPE_UNSUPPORTED", "INVALID_ARGUMENT")


async def test_without_keys_no_token_is_checked_and_the_header_passes(edge: EdgeApp, library: StandIn) -> None:
    assert (await request(edge, "GET", "/v1/books/5", headers={"authorization": "Basic abc"})).status == 200
    assert library.last.header("authorization") == "Basic abc"


async def test_the_probes_answer_without_asking_a_service_about_which_nothing_is_known(
    edge: EdgeApp, library: StandIn
) -> None:
    for target in ("/healthz", "/readyz"):
        assert (await request(edge, "GET", target)).status == 200
        assert (await request(edge, "OPTIONS", target)).status == 204
        refused = await request(edge, "POST", target)
        assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert not library.asked
