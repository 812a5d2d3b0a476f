"""What both ends of a call stream agree on, beside its messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from aviary.mesh.internal.v1.call_stream_pb2 import Metadatum

SERVICE = "aviary.mesh.internal.v1.CallStream"
PATH = f"/{SERVICE}/Carry"
# In the initial metadata of a server that takes the stream. One that refuses it sends its status alone.
TAKEN = ("x-call-stream", "taken")
# One message over a stream holds so much and one call more. Larger responses come in parts of that size.
PART_BYTES = 256 * 1024

Metadata: TypeAlias = Iterable[tuple[str, str | bytes]]


def to_wire(metadata: Metadata) -> list[Metadatum]:
    """As messages."""
    return [
        Metadatum(key=key, value=value if isinstance(value, bytes) else value.encode("latin-1"))
        for key, value in metadata
    ]


def from_wire(metadata: Iterable[Metadatum]) -> tuple[tuple[str, str | bytes], ...]:
    """As grpc hands it out: bytes under keys that end in "-bin", text under others."""
    return tuple(
        (each.key, each.value if each.key.endswith("-bin") else each.value.decode("latin-1")) for each in metadata
    )
