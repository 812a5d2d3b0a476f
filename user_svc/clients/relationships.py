"""How a viewer stands to an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aviary.graph.internal.v1.graph_internal_service_pb2 import GetReadContextRequest
from aviary.type.v1.user_pb2 import Relationship

if TYPE_CHECKING:  # the typed stub is known to type checkers only
    from aviary.graph.internal.v1.graph_internal_service_pb2_grpc import GraphInternalServiceAsyncStub


class Relationships(Protocol):
    """Who follows whom, seen from one side."""

    async def get(self, viewer_id: int, user_id: int) -> Relationship | None:
        """How the viewer stands to the account. Raises MeshError when that cannot be had."""
        ...


class RemoteRelationships(Relationships):
    """Asks graph_svc, once."""

    def __init__(self, graph: GraphInternalServiceAsyncStub) -> None:
        self._graph = graph

    async def get(self, viewer_id: int, user_id: int) -> Relationship | None:
        request = GetReadContextRequest(viewer_user_id=viewer_id, author_user_ids=[user_id], authors_only=True)
        answer = await self._graph.GetReadContext(request)
        return next(iter(answer.relationships), None)
