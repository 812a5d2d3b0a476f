"""A call on its way in, as each step of the chain sees it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol, TypeAlias

import grpc
from google.protobuf.message import Message

from mesh.caller import ANONYMOUS, Caller

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class CallContext(Protocol):
    """What the chain and the servicers need of the call in progress, however it came."""

    def invocation_metadata(self) -> Iterable[tuple[str, str | bytes]] | None:
        """What the client sent along."""
        ...

    def time_remaining(self) -> float | None:
        """Seconds until the client's deadline; None without one."""
        ...

    async def send_initial_metadata(self, initial_metadata: tuple[tuple[str, str], ...]) -> None:
        """Tell the client something before the response."""
        ...

    async def abort(
        self, code: grpc.StatusCode, details: str, trailing_metadata: tuple[tuple[str, str | bytes], ...]
    ) -> NoReturn:
        """End the call with a status; raises what only the server catches."""
        ...


_REQUEST_ID = re.compile(r"[!-~]{1,128}", re.ASCII)


@dataclass(slots=True)
class Incoming:
    """What came, and what the steps found out so far.

    `deadline` is in the event loop's time; `request` is there once the bytes are decoded.
    """

    body: bytes
    context: CallContext
    request_id: str
    authorization: list[str]
    deadline: float = 0.0
    caller: Caller = ANONYMOUS
    request: Message = field(init=False)


# A step does its one thing around the next step. Steps are put together once, when the server starts.
Step: TypeAlias = Callable[[Incoming], Awaitable[bytes]]


def receive(body: bytes, context: CallContext) -> Incoming:
    """Read the metadata: the request id, a new one if there is none or not a printable one, and every authorization."""
    request_id = ""
    authorization: list[str] = []
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            authorization.append(str(value))
        elif key == "x-request-id" and _REQUEST_ID.fullmatch(str(value)):
            request_id = str(value)
    return Incoming(body, context, request_id or uuid.uuid4().hex, authorization)
