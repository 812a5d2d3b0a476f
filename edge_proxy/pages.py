"""/openapi.json and /docs: what this edge serves, for programs and for people. Nothing is fetched from elsewhere.

/docs                       the page, and at /docs/ the way to it: what it refers to is relative
/docs/start.js              starts the viewer
/docs/swagger-ui-bundle.js  the viewer, from third_party/swagger-ui
/docs/swagger-ui.css
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_proxy.http_errors import Answer
from edge_proxy.refusals import MethodNotAllowed
from edge_proxy.representation import etag_of

OWN = Path(__file__).parent / "docs"
VIEWER = Path(__file__).parents[1] / "third_party" / "swagger-ui"

_SCRIPT, _STYLE = b"text/javascript; charset=utf-8", b"text/css; charset=utf-8"
# The viewer writes style attributes; it needs nothing else that a foreign text could abuse.
_POLICY = (
    b"default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline';"
    b" img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    # Kept, and asked for again each time: with an ETag that costs little.
    (b"cache-control", b"no-cache"),
    (b"content-security-policy", _POLICY),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


@dataclass(frozen=True, slots=True)
class Page:
    """Bytes that stay the same for as long as the process runs, and the strong ETag that says so."""

    body: bytes
    content_type: bytes
    etag: str


class Pages:
    """Answers with the pages of an edge, by path; there may be none."""

    def __init__(self, by_path: Mapping[str, Page]) -> None:
        self._by_path = by_path

    def answer(self, method: str, path: str) -> Answer | None:
        """The answer, None when the path is not a page's. Raises MethodNotAllowed."""
        is_beside = path == "/docs/" and "/docs" in self._by_path
        page = self._by_path.get("/docs" if is_beside else path)
        if page is None:
            return None
        if method not in {"GET", "HEAD"}:
            raise MethodNotAllowed({"GET"})
        if is_beside:
            return Answer(308, b"", ((b"location", b"../docs"),))
        headers = ((b"etag", page.etag.encode()), *_HEADERS)
        return Answer(200, page.body, headers, content_type=page.content_type)


def read_pages(openapi: bytes) -> Pages:
    """The pages about a document, with the viewer from its files. Raises OSError when these are not there."""
    return Pages(
        {
            "/openapi.json": _page(openapi, b"application/json"),
            "/docs": _page((OWN / "index.html").read_bytes(), b"text/html; charset=utf-8"),
            "/docs/start.js": _page((OWN / "start.js").read_bytes(), _SCRIPT),
            "/docs/swagger-ui-bundle.js": _page((VIEWER / "swagger-ui-bundle.js").read_bytes(), _SCRIPT),
            "/docs/swagger-ui.css": _page((VIEWER / "swagger-ui.css").read_bytes(), _STYLE),
        }
    )


def _page(body: bytes, content_type: bytes) -> Page:
    return Page(body, content_type, etag_of(body))
