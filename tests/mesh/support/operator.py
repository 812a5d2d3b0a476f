"""Calls that operators make by gRPC, with the token that `python -m dev_mesh token` prints."""

from __future__ import annotations

import grpc

from aviary.events.v1 import events_pb2
from aviary.graph.internal.v1 import graph_internal_service_pb2, graph_internal_service_pb2_grpc
from aviary.mesh.internal.v1 import mesh_admin_service_pb2, mesh_admin_service_pb2_grpc
from tests.mesh.support.api import Person
from tests.mesh.support.running_mesh import RunningMesh


class Operator:
    """Somebody with the scope mesh:admin."""

    def __init__(self, mesh: RunningMesh) -> None:
        self._mesh = mesh
        self._metadata = (("authorization", f"Bearer {mesh.control('token', '--scope', 'mesh:admin')}"),)

    async def outbox(self, service: str) -> list[mesh_admin_service_pb2.OutboxEntry]:
        """The events of a service that are not confirmed yet."""
        async with self._channel(service) as channel:
            stub = mesh_admin_service_pb2_grpc.MeshAdminServiceStub(channel)
            request = mesh_admin_service_pb2.ListOutboxRequest(page_size=1_000)
            answer = await stub.ListOutbox(request, metadata=self._metadata)
            return list(answer.entries)

    async def dead_letters(self, service: str) -> list[mesh_admin_service_pb2.DeadLetter]:
        """The events of a service that were given up."""
        async with self._channel(service) as channel:
            stub = mesh_admin_service_pb2_grpc.MeshAdminServiceStub(channel)
            request = mesh_admin_service_pb2.ListDeadLettersRequest(page_size=1_000)
            return list((await stub.ListDeadLetters(request, metadata=self._metadata)).dead_letters)

    async def replay(self, service: str, event_ids: list[int]) -> list[int]:
        """Have dead letters of a service tried again; those that were."""
        async with self._channel(service) as channel:
            stub = mesh_admin_service_pb2_grpc.MeshAdminServiceStub(channel)
            request = mesh_admin_service_pb2.ReplayDeadLettersRequest(event_ids=event_ids)
            return list((await stub.ReplayDeadLetters(request, metadata=self._metadata)).replayed_event_ids)

    async def author_class(self, author: Person) -> str:
        """How the author's tweets travel now: PUSH, BOTH or PULL."""
        async with self._channel("graph_svc") as channel:
            stub = graph_internal_service_pb2_grpc.GraphInternalServiceStub(channel)
            request = graph_internal_service_pb2.BatchGetGraphCountsRequest(user_ids=[author.user_id])
            answer = await stub.BatchGetGraphCounts(request, metadata=self._metadata)
        number = answer.counts[author.user_id].author_class
        return events_pb2.AuthorClass.Name(number).removeprefix("AUTHOR_CLASS_")

    def _channel(self, service: str) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(f"ipv4:{self._mesh.find(service)['address']}")
