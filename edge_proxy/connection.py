"""An HTTP/1.1 connection: uvicorn's, but bounded, and with JSON for what is no HTTP.

uvicorn's own takes headers of any length and keeps them until they end.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from edge_proxy.headers import MOST_HEADERS_BYTES, request_id_of
from edge_proxy.http_errors import error_answer
from edge_proxy.refusals import TooLarge
from mesh.errors import InvalidArgument, MeshError

# Counted by what arrives together, so the body of the request before may be in it. The application refuses less.
MOST_BEFORE_BODY_BYTES = 128 * 1024


class Connection(HttpToolsProtocol):
    """One client. Its requests go to the application as soon as their headers are there."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 - as uvicorn makes it
        super().__init__(*arguments, **settings)
        self._is_reading_headers = False
        self._header_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Some bytes of a request."""
        super().data_received(data)
        if self._is_reading_headers and not self.transport.is_closing():
            self._header_bytes += len(data)
            if self._header_bytes > MOST_BEFORE_BODY_BYTES:
                self._refuse(TooLarge.headers(MOST_HEADERS_BYTES))

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone. uvicorn would keep one that was reset for as long as it waits for a next request."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._is_reading_headers = True
        self._header_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """All headers of a request."""
        self._is_reading_headers = False
        self._header_bytes = 0
        super().on_headers_complete()

    def send_400_response(self, _message: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(InvalidArgument("TRANSCODING_FAILED", "this is not HTTP/1.1"))

    def _refuse(self, error: MeshError) -> None:
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
        self.transport.close()
