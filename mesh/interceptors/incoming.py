"""A call on its way in, as each step of the chain sees it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import Message

from mesh.caller import ANONYMOUS, Caller

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

_REQUEST_ID = re.compile(r"[!-~]{1,128}", re.ASCII)


@dataclass(slots=True)
class Incoming:
    """What came, and what the steps found out so far.

    `deadline` is in the event loop's time; `request` is there once the bytes are decoded.
    """

    body: bytes
    context: Context
    request_id: str
    authorization: list[str]
    deadline: float = 0.0
    caller: Caller = ANONYMOUS
    request: Message = field(init=False)


# A step does its one thing around the next step. Steps are put together once, when the server starts.
Step: TypeAlias = Callable[[Incoming], Awaitable[bytes]]


def receive(body: bytes, context: Context) -> Incoming:
    """Read the metadata: the request id, a new one if there is none or not a printable one, and every authorization."""
    request_id = ""
    authorization: list[str] = []
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            authorization.append(str(value))
        elif key == "x-request-id" and _REQUEST_ID.fullmatch(str(value)):
            request_id = str(value)
    return Incoming(body, context, request_id or uuid.uuid4().hex, authorization)
