"""What a chain asks of a call in progress, answered for one that came over a stream."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import grpc

from aviary.mesh.internal.v1.call_stream_pb2 import CarriedAnswer, CarriedCall, Metadatum
from mesh.calls.wire import Metadata, from_wire, to_wire


class CallEnded(Exception):
    """The chain ended the call with a status other than OK."""

    def __init__(self, answer: CarriedAnswer) -> None:
        super().__init__(answer.code)
        self.answer = answer


class CarriedContext:
    """A `mesh.interceptors.incoming.CallContext`; `deadline` is in the event loop's time, None without one."""

    def __init__(self, call: CarriedCall, *, deadline: float | None) -> None:
        self._call = call
        self._deadline = deadline
        self.initial_metadata: list[Metadatum] = []

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """What the client sent along."""
        return from_wire(self._call.metadata)

    def time_remaining(self) -> float | None:
        """Seconds until the deadline."""
        return None if self._deadline is None else self._deadline - asyncio.get_running_loop().time()

    async def send_initial_metadata(self, initial_metadata: Metadata) -> None:
        """It goes along with the answer."""
        self.initial_metadata = to_wire(initial_metadata)

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()) -> NoReturn:
        """End the call. Raises CallEnded."""
        raise CallEnded(
            CarriedAnswer(
                code=code.value[0],
                message=details,
                initial_metadata=self.initial_metadata,
                trailing_metadata=to_wire(trailing_metadata),
            )
        )
