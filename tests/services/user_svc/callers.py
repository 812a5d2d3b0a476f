"""Stubs of user_svc for whoever calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aviary.auth.v1.auth_service_pb2 import CreateSessionRequest, TokenPair
from aviary.auth.v1.auth_service_pb2_grpc import AuthServiceStub
from aviary.mesh.internal.v1.mesh_admin_service_pb2 import ListOutboxRequest
from aviary.mesh.internal.v1.mesh_admin_service_pb2_grpc import MeshAdminServiceStub
from aviary.type.v1.user_pb2 import User
from aviary.user.internal.v1.user_internal_service_pb2_grpc import UserInternalServiceStub
from aviary.user.v1.user_service_pb2 import CreateUserRequest
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub
from tests.support.running import RunningService, issue_service_token, issue_user_token

if TYPE_CHECKING:  # the typed stubs are known to type checkers only
    from aviary.auth.v1.auth_service_pb2_grpc import AuthServiceAsyncStub
    from aviary.user.internal.v1.user_internal_service_pb2_grpc import UserInternalServiceAsyncStub
    from aviary.user.v1.user_service_pb2_grpc import UserServiceAsyncStub

PASSWORD = "correct horse"
UNKNOWN = 2_004


class Callers:
    """Who calls user_svc in a test."""

    def __init__(self, running: RunningService) -> None:
        self._running = running

    def user(self, user_id: int) -> UserServiceAsyncStub:
        """Accounts and profiles, called by a user; 0 is anonymous."""
        return UserServiceStub(self._running.channel(issue_user_token(user_id) if user_id else ""))

    def with_token(self, token: str) -> UserServiceAsyncStub:
        """Accounts and profiles, called with this token."""
        return UserServiceStub(self._running.channel(token))

    def auth(self) -> AuthServiceAsyncStub:
        """Logins, called by anybody."""
        return AuthServiceStub(self._running.channel())

    def service(self, name: str = "graph_svc") -> UserInternalServiceAsyncStub:
        """The internal service, called by another service."""
        return UserInternalServiceStub(self._running.channel(issue_service_token(name)))

    def user_on_internal(self, user_id: int) -> UserInternalServiceAsyncStub:
        """The internal service, called by a user, who may not."""
        return UserInternalServiceStub(self._running.channel(issue_user_token(user_id)))

    async def sign_up(self, username: str) -> User:
        """A new account."""
        return (await self.user(0).CreateUser(a_sign_up(username))).user

    async def log_in(self, username: str) -> TokenPair:
        """Tokens of a new session."""
        request = CreateSessionRequest(login=username, password=PASSWORD)
        return (await self.auth().CreateSession(request)).tokens

    async def waiting_events(self) -> list[tuple[str, int]]:
        """Name and id of each event in the outbox, oldest first."""
        admin = MeshAdminServiceStub(self._running.channel(issue_service_token("operator", ["mesh:admin"])))
        answer = await admin.ListOutbox(ListOutboxRequest())
        return [(entry.subject.split(".")[2], entry.event_id) for entry in answer.entries]


def a_sign_up(username: str = "Ann", *, request_id: str = "", password: str = PASSWORD) -> CreateUserRequest:
    """A request that is in order."""
    return CreateUserRequest(
        username=username, email=f"{username}@Example.org", password=password, bio="hi", request_id=request_id
    )
