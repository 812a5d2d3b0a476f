"""Which handler answers which RPC, and what it is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aviary.auth.v1 import auth_service_pb2 as auth
from aviary.auth.v1 import auth_service_pb2_grpc as auth_grpc
from aviary.user.internal.v1 import user_internal_service_pb2 as internal
from aviary.user.internal.v1 import user_internal_service_pb2_grpc as internal_grpc
from aviary.user.v1 import user_service_pb2 as public
from aviary.user.v1 import user_service_pb2_grpc as public_grpc
from mesh.caller import current_caller
from mesh.clock import Clock
from mesh.ids import IdSource
from mesh.interceptors.incoming import Context
from mesh.keys import SigningKey
from user_svc.clients.cards import Cards
from user_svc.handlers.batch_get_users import batch_get_users
from user_svc.handlers.create_session import create_session
from user_svc.handlers.create_user import create_user
from user_svc.handlers.get_jwks import get_jwks
from user_svc.handlers.get_user import get_user
from user_svc.handlers.get_user_by_username import get_user_by_username
from user_svc.handlers.refresh_session import refresh_session
from user_svc.handlers.resolve_users import resolve_users
from user_svc.handlers.update_user import update_user
from user_svc.passwords import Passwords
from user_svc.store import SessionStore, UserStore

REPLAYED = (("idempotency-replayed", "true"),)


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handlers are given to work with."""

    users: UserStore
    sessions: SessionStore
    cards: Cards
    passwords: Passwords
    key: SigningKey
    jwks_file: Path
    ids: IdSource
    clock: Clock


class UserServicer(public_grpc.UserServiceServicer):
    """Answers aviary.user.v1.UserService."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def CreateUser(self, request: public.CreateUserRequest, context: Context) -> public.CreateUserResponse:
        deps = self._deps
        return await create_user(
            request,
            store=deps.users,
            cards=deps.cards,
            passwords=deps.passwords,
            ids=deps.ids,
            clock=deps.clock,
            tell_replayed=lambda: context.send_initial_metadata(REPLAYED),
        )

    async def GetUser(self, request: public.GetUserRequest, _context: object) -> public.GetUserResponse:
        return await get_user(request, caller=current_caller(), store=self._deps.users, cards=self._deps.cards)

    async def GetUserByUsername(
        self, request: public.GetUserByUsernameRequest, _context: object
    ) -> public.GetUserByUsernameResponse:
        deps = self._deps
        return await get_user_by_username(request, caller=current_caller(), store=deps.users, cards=deps.cards)

    async def BatchGetUsers(
        self, request: public.BatchGetUsersRequest, _context: object
    ) -> public.BatchGetUsersResponse:
        return await batch_get_users(request, store=self._deps.users, cards=self._deps.cards)

    async def UpdateUser(self, request: public.UpdateUserRequest, _context: object) -> public.UpdateUserResponse:
        deps = self._deps
        return await update_user(
            request, caller=current_caller(), store=deps.users, cards=deps.cards, ids=deps.ids, clock=deps.clock
        )


class AuthServicer(auth_grpc.AuthServiceServicer):
    """Answers aviary.auth.v1.AuthService."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def CreateSession(self, request: auth.CreateSessionRequest, _context: object) -> auth.CreateSessionResponse:
        deps = self._deps
        return await create_session(
            request,
            users=deps.users,
            sessions=deps.sessions,
            passwords=deps.passwords,
            key=deps.key,
            ids=deps.ids,
            clock=deps.clock,
        )

    async def RefreshSession(
        self, request: auth.RefreshSessionRequest, _context: object
    ) -> auth.RefreshSessionResponse:
        deps = self._deps
        return await refresh_session(request, sessions=deps.sessions, key=deps.key, clock=deps.clock)

    async def GetJwks(self, request: auth.GetJwksRequest, _context: object) -> auth.GetJwksResponse:
        return await get_jwks(request, jwks_file=self._deps.jwks_file)


class UserInternalServicer(internal_grpc.UserInternalServiceServicer):
    """Answers aviary.user.internal.v1.UserInternalService."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def ResolveUsers(
        self, request: internal.ResolveUsersRequest, _context: object
    ) -> internal.ResolveUsersResponse:
        return await resolve_users(request, store=self._deps.users)
