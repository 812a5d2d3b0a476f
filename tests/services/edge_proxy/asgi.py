"""Requests to the edge in this process, as an ASGI server hands them over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_proxy.app import EdgeApp

Headers = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Reply:
    """What the edge answered; header names are in lower case."""

    status: int
    header_list: list[tuple[str, str]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        named = dict(self.header_list)
        assert len(named) == len(self.header_list), "a header twice"
        return named

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error of the body, after a look at its form."""
        error: dict[str, Any] = self.json["error"]
        assert set(error) == {"code", "message", "status", "details"}
        assert error["code"] == self.status
        assert self.detail("RequestInfo") == {"requestId": self.headers["x-request-id"]}
        return error

    @property
    def reason(self) -> str:
        assert self.error["status"]
        info = self.detail("ErrorInfo")
        assert info["domain"]
        return str(info["reason"])

    @property
    def fields(self) -> list[str]:
        """The fields that the error names."""
        assert self.error["status"] == "INVALID_ARGUMENT"
        return [violation["field"] for violation in self.detail("BadRequest")["fieldViolations"]]

    def detail(self, kind: str) -> dict[str, Any]:
        """The one detail of a type of google.rpc."""
        url = f"type.googleapis.com/google.rpc.{kind}"
        (found,) = [detail for detail in self.json["error"]["details"] if detail["@type"] == url]
        return {key: value for key, value in found.items() if key != "@type"}


async def request(
    app: EdgeApp, method: str, target: str, body: bytes | str | Sequence[bytes] = b"", headers: Headers = ()
) -> Reply:
    """One request; a body in several parts comes chunked."""
    parts = [body.encode()] if isinstance(body, str) else [body] if isinstance(body, bytes) else list(body)
    pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
        "client": ("192.0.2.7", 5000),
    }
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    waiting[-1]["more_body"] = False
    sent: list[Any] = []

    async def receive() -> Any:
        if waiting:
            return waiting.pop(0)
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *rest = sent
    assert start["type"] == "http.response.start"
    assert not rest[-1].get("more_body", False)
    received = b"".join(part["body"] for part in rest)
    decoded = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
    reply = Reply(start["status"], decoded, received)
    assert reply.headers["x-request-id"]
    assert reply.status in {204, 304} or int(reply.headers["content-length"]) == len(received)
    return reply
