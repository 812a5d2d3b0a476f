"""Bytes to message, by us: the library would answer UNKNOWN with the text of the exception."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from mesh.errors import InvalidArgument
from mesh.interceptors.incoming import Incoming, Step
from mesh.method import Method


def decode(after: Step, method: Method) -> Step:
    """Read the request, or raise InvalidArgument."""
    parse = method.request.FromString

    async def step(incoming: Incoming) -> bytes:
        try:
            incoming.request = parse(incoming.body)
        except DecodeError:
            name = method.request.DESCRIPTOR.full_name
            raise InvalidArgument("VALIDATION_FAILED", f"the request is no {name}") from None
        return await after(incoming)

    return step
