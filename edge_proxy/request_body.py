"""Reads a body while counting it, and refuses what is no plain JSON before it is read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, TypeAlias

from edge_proxy.refusals import TooLarge, TooSlow, UnsupportedContent

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

MOST_BODY_BYTES = 64 * 1024
# What is read and thrown away behind a refused body, so that the refusal reaches a client that is still sending.
MOST_DRAINED_BYTES = 1024 * 1024
DRAIN_SECONDS = 2.0

_JSON = re.compile(r"application/json|[!#$&^_.+a-z0-9-]+/[!#$&^_.+a-z0-9-]+\+json", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*\"?utf-?8\"?", re.IGNORECASE)


class ClientGone(Exception):
    """The client left before its request was complete: nobody waits for an answer."""


def check_encoding(content_encoding: str) -> None:
    """Raise UnsupportedContent for what is compressed."""
    if content_encoding.lower() not in {"", "identity"}:
        raise UnsupportedContent("send the body without Content-Encoding")


def check_json(content_type: str) -> None:
    """Raise UnsupportedContent for what is not JSON in UTF-8."""
    if not content_type:
        return
    kind, *parameters = content_type.split(";")
    charsets = [each.strip() for each in parameters if each.strip().lower().startswith("charset")]
    if not _JSON.fullmatch(kind.strip()) or any(not _CHARSET.fullmatch(each) for each in charsets):
        raise UnsupportedContent("send JSON: Content-Type: application/json")


class RequestBody:
    """The body of one request, as ASGI hands it over in parts."""

    def __init__(self, receive: Receive, *, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._is_complete = False

    async def read(self, content_length: str) -> bytes:
        """The whole of it. Raises TooLarge as soon as it is, at once if it says so itself; TooSlow, and ClientGone."""
        if content_length.isdecimal() and (len(content_length) > 9 or int(content_length) > MOST_BODY_BYTES):
            raise TooLarge.body(MOST_BODY_BYTES)
        body = b""
        try:
            async with asyncio.timeout(self._seconds):
                while not self._is_complete:
                    body += await self._part()
                    if len(body) > MOST_BODY_BYTES:
                        raise TooLarge.body(MOST_BODY_BYTES)
        except TimeoutError:
            raise TooSlow from None
        return body

    async def drain(self) -> None:
        """Throw away the rest, within bounds of size and time."""
        drained = 0
        with suppress(TimeoutError, ClientGone):
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self._is_complete and drained < MOST_DRAINED_BYTES:
                    drained += len(await self._part())

    async def gone(self) -> None:
        """Return when the client has left; what it still sends is thrown away."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _part(self) -> bytes:
        event = await self._receive()
        if event["type"] == "http.disconnect":
            raise ClientGone
        self._is_complete = not event["more_body"]
        part: bytes = event["body"]
        return part
