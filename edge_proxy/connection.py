"""An HTTP/1.1 connection: uvicorn's, but bounded in bytes and in time, and with JSON for what is no HTTP.

llhttp, its parser, refuses most of what could mean two things to two servers. What it lets through is refused here.
"""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from edge_proxy.config import ConnectionLimits
from edge_proxy.headers import MOST_HEADERS_BYTES, request_id_of
from edge_proxy.http_errors import error_answer
from edge_proxy.refusals import TooLarge, TooSlow
from edge_proxy.relay import CUT
from mesh.errors import InvalidArgument, MeshError

# Counted by what arrives together, so the body of the request before may be in it. The application refuses less.
MOST_BEFORE_BODY_BYTES = 128 * 1024
# The application answers a body that is late; after this a connection ends on which nobody waits for one.
BODY_MARGIN_SECONDS = 1.0
# A client that does not read may not hold up the end of the process.
READER_SECONDS_AT_THE_END = 3.0

_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*")

logger = logging.getLogger(__name__)


class BadRequest(Exception):
    """A request that could mean something else to another server."""


def connections(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """What makes the connections of a server."""
    made: Any = partial(Connection, limits=limits)
    protocol: type[asyncio.Protocol] = made
    return protocol


class Connection(HttpToolsProtocol):
    """One client. Its requests go to the application as soon as their headers are there."""

    def __init__(self, *arguments: Any, limits: ConnectionLimits, **settings: Any) -> None:  # noqa: ANN401 - as uvicorn makes it
        super().__init__(*arguments, **settings)
        self._limits = limits
        self._is_reading_headers = False
        self._is_reading_body = False
        # How often either began or ended.
        self._steps = 0
        # Since the last byte of a body, or the begin of a request.
        self._framing_bytes = 0
        self._has_body = False
        self._sending: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client."""
        super().connection_made(transport)
        most = self._limits.per_address
        address = self.address
        if most and address:
            count = sum(isinstance(each, Connection) and each.address == address for each in self.connections)
            if count > most:
                logger.warning("too many connections", extra={"fields": {"address": address}})
                transport.abort()
                return
        self._expect(self._limits.header_time.total_seconds())

    @property
    def address(self) -> str:
        """Of the client; "" where it has none."""
        return self.client[0] if self.client is not None else ""

    def data_received(self, data: bytes) -> None:
        """Some bytes of a request."""
        if self.transport.is_closing():
            return
        self._has_body = False
        steps = self._steps
        super().data_received(data)
        if self.transport.is_closing():
            return
        self._watch(has_moved=self._steps != steps)
        if self._is_reading_headers or (self._is_reading_body and not self._has_body):
            self._framing_bytes += len(data)
            if self._framing_bytes > MOST_BEFORE_BODY_BYTES:
                self._refuse(TooLarge.headers(MOST_HEADERS_BYTES) if self._is_reading_headers else _no_http())

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone. uvicorn would keep one that was reset for as long as it waits for a next request."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        for timer in (self._sending, self._reading):
            if timer is not None:
                timer.cancel()

    def pause_writing(self) -> None:
        """The client has not read what it was sent."""
        super().pause_writing()
        self._must_read(self._limits.reader_time.total_seconds())

    def resume_writing(self) -> None:
        """The client reads."""
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def on_response_complete(self) -> None:
        """An answer is written, though perhaps not read."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._must_read(self._limits.reader_time.total_seconds())

    def shutdown(self) -> None:
        """The process ends."""
        super().shutdown()
        if self.flow.write_paused or self.transport.is_closing():
            self._must_read(READER_SECONDS_AT_THE_END)

    def cut(self) -> None:
        """End the connection behind what is written, though an answer is not complete."""
        self._close()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._is_reading_headers = True
        self._steps += 1
        self._framing_bytes = 0
        super().on_message_begin()
        self.scope["extensions"] = {CUT: self.cut}  # type: ignore[dict-item]  # ASGI lets a server add what it likes

    def on_headers_complete(self) -> None:
        """All headers of a request. Raises BadRequest."""
        _check_framing(self.headers, self.parser.get_http_version())
        _check_host(self.headers, self.url, self.parser.get_http_version())
        self._is_reading_headers = False
        self._is_reading_body = True
        self._steps += 1
        self._framing_bytes = 0
        super().on_headers_complete()
        if self.parser.should_upgrade():
            # Answered as if it had not asked; what follows may be anything.
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Some bytes of a body."""
        self._has_body = True
        self._framing_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        super().on_message_complete()
        self._is_reading_body = False
        self._steps += 1

    def send_400_response(self, _message: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(_no_http())

    def _refuse(self, error: MeshError) -> None:
        """End the connection with an answer, behind those to requests that were in order."""
        if self._is_reading_headers and self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        if self.pipeline or (self._is_reading_body and self.cycle is not None and self.cycle.response_started):
            self._close()
            return
        request_id = request_id_of(())
        answer = error_answer(error, request_id)
        headers = {
            "content-type": "application/json",
            "content-length": str(len(answer.body)),
            "connection": "close",
            "x-request-id": request_id,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(STATUS_LINE[answer.status] + f"{lines}\r\n".encode() + answer.body)
        self._close()

    def _close(self) -> None:
        self.transport.close()
        self._must_read(self._limits.reader_time.total_seconds())

    def _watch(self, *, has_moved: bool) -> None:
        """Set the clock for what is not complete. A request that came at once needs none."""
        if self._is_reading_headers or self._is_reading_body:
            if has_moved or self._sending is None:
                limits, margin = self._limits, timedelta(seconds=BODY_MARGIN_SECONDS)
                time = limits.header_time if self._is_reading_headers else limits.body_time + margin
                self._expect(time.total_seconds())
        elif has_moved:
            if self._sending is not None:
                self._sending.cancel()
                self._sending = None
        elif self._sending is None and (self.cycle is None or self.cycle.response_complete):
            # uvicorn's own clock for an idle connection stops at the first byte, and that was of no request.
            self._expect(self._limits.header_time.total_seconds())

    def _expect(self, seconds: float) -> None:
        """The next part of a request must be there by then."""
        if self._sending is not None:
            self._sending.cancel()
        self._sending = self.loop.call_later(seconds, self._is_late, seconds)

    def _is_late(self, seconds: float) -> None:
        if self.flow.read_paused:
            # It is not the client that waits.
            self._expect(seconds)
        elif self._is_reading_headers:
            self._refuse(TooSlow())
        else:
            # Nothing was sent at all, or a body that the application does not wait for.
            self._close()

    def _must_read(self, seconds: float) -> None:
        """The client must have read by then."""
        if self._reading is not None:
            self._reading.cancel()
        self._reading = self.loop.call_later(seconds, self.transport.abort)


def _no_http() -> MeshError:
    return InvalidArgument("TRANSCODING_FAILED", "this is not HTTP/1.1")


def _check_framing(headers: list[tuple[bytes, bytes]], version: str) -> None:
    """Where a body ends must be beyond doubt (RFC 9112, 6.1). llhttp refuses a length beside an encoding itself."""
    encodings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if encodings and (encodings != [b"chunked"] or version == "1.0"):
        raise BadRequest("Transfer-Encoding may be chunked, once, in HTTP/1.1")


def _check_host(headers: list[tuple[bytes, bytes]], url: bytes, version: str) -> None:
    """One Host, and it is that of the URL where the URL has one (RFC 9112, 3.2)."""
    hosts = [value.strip() for name, value in headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and version != "1.0"):
        raise BadRequest("send one Host")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise BadRequest("Host is no host")
    if not url.startswith((b"/", b"*")):
        named = urlsplit(url).netloc
        if hosts and named.lower() != hosts[0].lower():
            raise BadRequest("Host is not that of the URL")
