"""All that a page needs of the graph, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from aviary.graph.internal.v1.graph_internal_service_pb2 import GetReadContextRequest
from views.model import ReadContext

if TYPE_CHECKING:  # the typed stub is known to type checkers only
    from aviary.graph.internal.v1.graph_internal_service_pb2_grpc import GraphInternalServiceAsyncStub


class ReadContexts(Protocol):
    """How a viewer stands to the authors of a page. Visibility rests on it: without it there is no page."""

    async def get(self, viewer_id: int, author_ids: Sequence[int]) -> ReadContext:
        """Whom to pull, and which of at most 1,000 authors the viewer follows. Raises Unavailable."""
        ...


class RemoteReadContexts(ReadContexts):
    """Asks graph_svc, once."""

    def __init__(self, stub: GraphInternalServiceAsyncStub) -> None:
        self._stub = stub

    async def get(self, viewer_id: int, author_ids: Sequence[int]) -> ReadContext:
        request = GetReadContextRequest(viewer_user_id=viewer_id, author_user_ids=author_ids)
        answer = await self._stub.GetReadContext(request)
        followed = frozenset(other.user_id for other in answer.relationships if other.following)
        return ReadContext(tuple(answer.pull_author_ids), followed, answer.version)
