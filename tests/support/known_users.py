"""A user_svc that knows some accounts, for the tests of services that ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aviary.type.v1.user_pb2 import User
from aviary.user.internal.v1 import user_internal_service_pb2 as internal
from aviary.user.internal.v1 import user_internal_service_pb2_grpc as internal_grpc
from mesh.process import Served, Service
from tests.support.running import RunningService, running


class KnownUsers(internal_grpc.UserInternalServiceServicer):
    """Answers ResolveUsers from `users`, and counts the calls."""

    def __init__(self, usernames: Iterable[str]) -> None:
        self.users = {name: User(user_id=1_001 + n, username=name) for n, name in enumerate(usernames)}
        self.calls = 0

    async def ResolveUsers(
        self, request: internal.ResolveUsersRequest, context: object
    ) -> internal.ResolveUsersResponse:
        self.calls += 1
        names = {name.lower() for name in request.usernames}
        return internal.ResolveUsersResponse(
            users=[
                user
                for user in self.users.values()
                if user.user_id in request.user_ids or user.username.lower() in names
            ]
        )


@asynccontextmanager
async def known_users(users: KnownUsers) -> AsyncIterator[RunningService]:
    """The servicer behind the real chain, on a port of its own."""

    async def ready() -> None:
        return

    descriptor = internal.DESCRIPTOR.services_by_name["UserInternalService"]
    async with running(Service("user_svc", [Served(descriptor, users)], work=[], ready=ready)) as service:
        yield service
