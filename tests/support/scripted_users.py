"""A servicer of the real contract whose answers a test writes: what is tested is the chain around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aviary.user.internal.v1 import user_internal_service_pb2, user_internal_service_pb2_grpc
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc
from mesh.process import Served, Service

Answer = Callable[[Any], Awaitable[Any]]


async def answer_empty(request: Any) -> Any:
    """What methods do that a test does not care about: the empty response."""
    name = type(request).__name__.replace("Request", "Response")
    module = user_internal_service_pb2 if name == "ResolveUsersResponse" else user_service_pb2
    return getattr(module, name)()


class ScriptedUsers(
    user_service_pb2_grpc.UserServiceServicer, user_internal_service_pb2_grpc.UserInternalServiceServicer
):
    """Both services of user_svc; every method answers what `answer` returns or raises."""

    def __init__(self, answer: Answer = answer_empty) -> None:
        self.answer = answer

    async def CreateUser(self, request: Any, context: object) -> Any:
        return await self.answer(request)

    async def GetUser(self, request: Any, context: object) -> Any:
        return await self.answer(request)

    async def GetUserByUsername(self, request: Any, context: object) -> Any:
        return await self.answer(request)

    async def BatchGetUsers(self, request: Any, context: object) -> Any:
        return await self.answer(request)

    async def UpdateUser(self, request: Any, context: object) -> Any:
        return await self.answer(request)

    async def ResolveUsers(self, request: Any, context: object) -> Any:
        return await self.answer(request)


async def _ready() -> None:
    pass


def a_service(answer: Answer = answer_empty, *, ready: Callable[[], Awaitable[None]] = _ready) -> Service:
    """A service of nothing but these methods."""
    servicer = ScriptedUsers(answer)
    return Service(
        name="user",
        served=[
            Served(user_service_pb2.DESCRIPTOR.services_by_name["UserService"], servicer),
            Served(user_internal_service_pb2.DESCRIPTOR.services_by_name["UserInternalService"], servicer),
        ],
        work=[],
        ready=ready,
    )
