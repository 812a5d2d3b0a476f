"""The OpenAPI document and its viewer, as a browser gets them: types, headers, what is asked for again."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import pytest

from edge_proxy.app import EdgeApp
from edge_proxy.config import EdgeConfig
from edge_proxy.edge import open_edge
from tests.services.edge_proxy.asgi import Reply, request
from tests.services.edge_proxy.conftest import LIBRARY
from tests.services.edge_proxy.edge_process import ROOT, edge_process, outcome
from tests.services.edge_proxy.stand_in import StandIn

OPENAPI = b'{"openapi": "3.1.0", "info": {"title": "Library", "version": "v1"}, "paths": {}}'
TYPES = {
    "/openapi.json": "application/json",
    "/docs": "text/html; charset=utf-8",
    "/docs/start.js": "text/javascript; charset=utf-8",
    "/docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "/docs/swagger-ui.css": "text/css; charset=utf-8",
}


@pytest.fixture
async def documented(library: StandIn) -> AsyncIterator[EdgeApp]:
    """In front of the library, with a document."""
    targets = {LIBRARY: f"ipv4:127.0.0.1:{library.port}"}
    async with open_edge(EdgeConfig(contracts=library.contracts, upstreams=targets, openapi=OPENAPI)) as app:
        yield app


def directives(reply: Reply) -> dict[str, str]:
    parts = [part.strip().partition(" ") for part in reply.headers["content-security-policy"].split(";")]
    return {name: sources for name, _, sources in parts}


@pytest.mark.parametrize(("path", "content_type"), TYPES.items())
async def test_a_page_has_its_type_and_may_be_kept_but_not_guessed_at(
    documented: EdgeApp, path: str, content_type: str
) -> None:
    reply = await request(documented, "GET", path)
    assert (reply.status, reply.headers["content-type"]) == (200, content_type)
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert re.fullmatch(r'"[\w-]{22}"', reply.headers["etag"], re.ASCII)
    assert reply.body


async def test_the_document_is_the_file(documented: EdgeApp) -> None:
    assert (await request(documented, "GET", "/openapi.json")).body == OPENAPI


async def test_different_pages_have_different_etags(documented: EdgeApp) -> None:
    etags = {(await request(documented, "GET", path)).headers["etag"] for path in TYPES}
    assert len(etags) == len(TYPES)


@pytest.mark.parametrize("path", TYPES)
@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
async def test_what_the_client_has_is_not_sent_again(documented: EdgeApp, path: str, form: str) -> None:
    etag = (await request(documented, "GET", path)).headers["etag"]
    reply = await request(documented, "GET", path, headers={"If-None-Match": form.format(etag)})
    assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", etag)
    assert reply.headers["cache-control"] == "no-cache"
    assert not {"content-type", "content-length"} & set(reply.headers)


@pytest.mark.parametrize("form", ['"other"', "", "other, *"])
async def test_what_the_client_has_not_is_sent(documented: EdgeApp, form: str) -> None:
    reply = await request(documented, "GET", "/openapi.json", headers={"If-None-Match": form})
    assert (reply.status, reply.body) == (200, OPENAPI)


async def test_the_page_may_run_and_ask_nothing_but_this_edge(documented: EdgeApp) -> None:
    reply = await request(documented, "GET", "/docs")
    assert directives(reply) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "connect-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


@pytest.mark.parametrize("address", ["http://edge/docs", "http://edge/behind/a/path/docs"])
async def test_the_page_refers_to_this_edge_alone_and_behind_any_path(documented: EdgeApp, address: str) -> None:
    page = (await request(documented, "GET", "/docs")).body.decode()
    script = (await request(documented, "GET", "/docs/start.js")).body.decode()
    links = re.findall(r'(?:src|href)="([^"]*)"', page) + re.findall(r'url: "([^"]*)"', script)
    paths = {urljoin(address, link).removeprefix(address.removesuffix("/docs")) for link in links if link != "data:,"}
    assert paths == TYPES.keys() - {"/docs"}
    assert not re.search(r"<script>|<style|\son\w+=|https?:", page)


@pytest.mark.parametrize("address", ["http://edge/docs/", "http://edge/behind/a/path/docs/"])
async def test_a_slash_behind_it_leads_to_the_page(documented: EdgeApp, address: str) -> None:
    reply = await request(documented, "GET", "/docs/")
    assert reply.status == 308
    assert urljoin(address, reply.headers["location"]) == address.removesuffix("/")


@pytest.mark.parametrize("path", [*TYPES, "/docs/"])
async def test_pages_are_only_read(documented: EdgeApp, path: str) -> None:
    reply = await request(documented, "POST", path)
    assert (reply.status, reply.headers["allow"], reply.reason) == (405, "GET, HEAD, OPTIONS", "METHOD_NOT_ALLOWED")
    assert (await request(documented, "OPTIONS", path)).headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", ["/docs/none.js", "/docs/../config.py", "/docs/%2e%2e/config.py", "/docs/index.html"])
async def test_there_are_no_other_files(documented: EdgeApp, path: str) -> None:
    assert (await request(documented, "GET", path)).status == 404


@pytest.mark.parametrize("path", [*TYPES, "/docs/"])
async def test_without_a_document_there_is_no_page(edge: EdgeApp, path: str) -> None:
    assert (await request(edge, "GET", path)).status == 404


async def test_the_process_serves_our_document_over_sockets(library: StandIn, library_file: Path) -> None:
    flags = ("--descriptors", str(library_file), "--upstream", f"{LIBRARY}=127.0.0.1:{library.port}")
    file = ROOT / "generated" / "openapi.json"
    async with edge_process(*flags, "--openapi", str(file)) as edge:
        head = b"%s /openapi.json HTTP/1.1\r\nHost: x\r\n%sConnection: close\r\n\r\n"
        start, _, body = (await edge.exchange(head % (b"GET", b""))).partition(b"\r\n\r\n")
        assert body == file.read_bytes()
        etag = re.search(rb"etag: (.*)\r\n", start)
        assert etag is not None
        lines, _, nothing = (await edge.exchange(head % (b"HEAD", b""))).partition(b"\r\n\r\n")
        assert (b"content-length: %d" % len(body) in lines, nothing) == (True, b"")
        kept = await edge.exchange(head % (b"GET", b"If-None-Match: %s\r\n" % etag[1]))
        assert kept.startswith(b"HTTP/1.1 304 ")
        assert kept.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        (None, "No such file or directory"),
        ("{", "is not JSON: "),
        ("[]", "is no OpenAPI 3 document; "),
        ('{"swagger": "2.0"}', "is no OpenAPI 3 document; "),
        ('{"openapi": "2.0"}', "is no OpenAPI 3 document; "),
        ('{"openapi": 3.1}', "is no OpenAPI 3 document; "),
    ],
)
async def test_a_file_that_is_no_document_is_refused_in_one_line(
    library_file: Path, tmp_path: Path, content: str | None, mistake: str
) -> None:
    file = tmp_path / "openapi.json"
    if content is not None:
        file.write_text(content)
    flags = ("--descriptors", str(library_file), "--upstream", f"{LIBRARY}=127.0.0.1:1", "--openapi", str(file))
    code, out, error = await outcome(*flags)
    assert (code, out) == (2, "")
    assert error.startswith(f"edge_proxy: --openapi={str(file)!r}: {mistake}")
    assert error.count("\n") == 1


async def test_an_edge_without_the_files_of_the_viewer_says_so(library_file: Path, tmp_path: Path) -> None:
    for package in ("edge_proxy", "mesh"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    flags = ("--listen", "127.0.0.1:0", "--descriptors", str(library_file), "--upstream", f"{LIBRARY}=127.0.0.1:1")
    document = ("--openapi", str(ROOT / "generated" / "openapi.json"))
    code, _, error = await outcome(*flags, *document, PYTHONPATH=f"{tmp_path}:{ROOT / 'generated'}")
    missing = tmp_path / "third_party" / "swagger-ui" / "swagger-ui-bundle.js"
    assert (code, error.splitlines()[-1]) == (2, f"edge_proxy: {missing}: No such file or directory; /docs needs it")
