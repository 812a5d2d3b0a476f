"""What timeline_svc alone asks of the owners of events: whether any waits to be confirmed for long."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from aviary.mesh.internal.v1.mesh_admin_service_pb2 import GetOutboxAgeRequest

if TYPE_CHECKING:  # the typed stub is known to type checkers only
    from aviary.mesh.internal.v1.mesh_admin_service_pb2_grpc import MeshAdminServiceAsyncStub


class Outboxes(Protocol):
    """The outboxes whose events change timelines."""

    async def oldest_age(self) -> timedelta:
        """How long the oldest event has waited for its confirmations; zero when none does. Raises Unavailable.

        What was announced before that has had its effects, or is a dead letter.
        """
        ...


class RemoteOutboxes(Outboxes):
    """Asks every owner."""

    def __init__(self, stubs: Sequence[MeshAdminServiceAsyncStub]) -> None:
        self._stubs = stubs

    async def oldest_age(self) -> timedelta:
        answers = await asyncio.gather(*(stub.GetOutboxAge(GetOutboxAgeRequest()) for stub in self._stubs))
        return max(answer.oldest_age.ToTimedelta() for answer in answers)
