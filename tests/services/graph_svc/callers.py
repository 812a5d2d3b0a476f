"""Stubs of graph_svc for whoever calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aviary.graph.internal.v1.graph_internal_service_pb2_grpc import GraphInternalServiceStub
from aviary.graph.v1.graph_service_pb2 import FollowUserRequest
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceStub
from aviary.mesh.internal.v1.mesh_admin_service_pb2 import ListOutboxRequest
from aviary.mesh.internal.v1.mesh_admin_service_pb2_grpc import MeshAdminServiceStub
from tests.support.running import RunningService, issue_service_token, issue_user_token

if TYPE_CHECKING:  # the typed stubs are known to type checkers only
    from aviary.graph.internal.v1.graph_internal_service_pb2_grpc import GraphInternalServiceAsyncStub
    from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceAsyncStub

ANN, BOB, CYD, DAN, EVE = 1_001, 1_002, 1_003, 1_004, 1_005
NOBODY = 9_999


class Callers:
    """Who calls graph_svc in a test."""

    def __init__(self, running: RunningService) -> None:
        self._running = running

    def user(self, user_id: int) -> GraphServiceAsyncStub:
        """The public service, called by a user; 0 is anonymous."""
        return GraphServiceStub(self._running.channel(issue_user_token(user_id) if user_id else ""))

    def service(self, name: str = "timeline_svc") -> GraphInternalServiceAsyncStub:
        """The internal service, called by another service."""
        return GraphInternalServiceStub(self._running.channel(issue_service_token(name)))

    def user_on_internal(self, user_id: int) -> GraphInternalServiceAsyncStub:
        """The internal service, called by a user, who may not."""
        return GraphInternalServiceStub(self._running.channel(issue_user_token(user_id)))

    async def follow(self, follower_id: int, *followee_ids: int) -> None:
        """Let one user follow others, in that order."""
        for followee_id in followee_ids:
            await self.user(follower_id).FollowUser(FollowUserRequest(user_id=followee_id))

    async def waiting_events(self) -> list[str]:
        """The names of the events in the outbox, oldest first."""
        admin = MeshAdminServiceStub(self._running.channel(issue_service_token("operator", ["mesh:admin"])))
        answer = await admin.ListOutbox(ListOutboxRequest())
        return [entry.subject.split(".")[2] for entry in answer.entries]
