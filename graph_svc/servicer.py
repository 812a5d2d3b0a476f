"""Which handler answers which RPC, and what it is given."""

from __future__ import annotations

from dataclasses import dataclass

from aviary.graph.internal.v1 import graph_internal_service_pb2 as internal
from aviary.graph.internal.v1 import graph_internal_service_pb2_grpc as internal_grpc
from aviary.graph.v1 import graph_service_pb2 as public
from aviary.graph.v1 import graph_service_pb2_grpc as public_grpc
from graph_svc.handlers.batch_get_graph_counts import batch_get_graph_counts
from graph_svc.handlers.follow_user import follow_user
from graph_svc.handlers.follow_user_by_username import follow_user_by_username
from graph_svc.handlers.get_read_context import get_read_context
from graph_svc.handlers.list_followee_ids import list_followee_ids
from graph_svc.handlers.list_follower_ids import list_follower_ids
from graph_svc.handlers.list_followers import list_followers
from graph_svc.handlers.list_following import list_following
from graph_svc.handlers.unfollow_user import unfollow_user
from graph_svc.handlers.unfollow_user_by_username import unfollow_user_by_username
from graph_svc.store import GraphStore
from mesh.caller import current_caller
from mesh.clock import Clock
from mesh.ids import IdSource
from mesh.paging import Paging
from views.clients.users import UserCards


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handlers are given to work with."""

    store: GraphStore
    users: UserCards
    ids: IdSource
    clock: Clock
    paging: Paging


class GraphServicer(public_grpc.GraphServiceServicer):
    """Answers aviary.graph.v1.GraphService."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def FollowUser(self, request: public.FollowUserRequest, _context: object) -> public.FollowUserResponse:
        deps = self._deps
        return await follow_user(
            request, caller=current_caller(), store=deps.store, users=deps.users, ids=deps.ids, clock=deps.clock
        )

    async def UnfollowUser(self, request: public.UnfollowUserRequest, _context: object) -> public.UnfollowUserResponse:
        deps = self._deps
        return await unfollow_user(
            request, caller=current_caller(), store=deps.store, users=deps.users, ids=deps.ids, clock=deps.clock
        )

    async def FollowUserByUsername(
        self, request: public.FollowUserByUsernameRequest, _context: object
    ) -> public.FollowUserByUsernameResponse:
        deps = self._deps
        return await follow_user_by_username(
            request, caller=current_caller(), store=deps.store, users=deps.users, ids=deps.ids, clock=deps.clock
        )

    async def UnfollowUserByUsername(
        self, request: public.UnfollowUserByUsernameRequest, _context: object
    ) -> public.UnfollowUserByUsernameResponse:
        deps = self._deps
        return await unfollow_user_by_username(
            request, caller=current_caller(), store=deps.store, users=deps.users, ids=deps.ids, clock=deps.clock
        )

    async def ListFollowers(
        self, request: public.ListFollowersRequest, _context: object
    ) -> public.ListFollowersResponse:
        deps = self._deps
        return await list_followers(
            request, caller=current_caller(), store=deps.store, users=deps.users, paging=deps.paging
        )

    async def ListFollowing(
        self, request: public.ListFollowingRequest, _context: object
    ) -> public.ListFollowingResponse:
        deps = self._deps
        return await list_following(
            request, caller=current_caller(), store=deps.store, users=deps.users, paging=deps.paging
        )


class GraphInternalServicer(internal_grpc.GraphInternalServiceServicer):
    """Answers aviary.graph.internal.v1.GraphInternalService."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    async def ListFollowerIds(
        self, request: internal.ListFollowerIdsRequest, _context: object
    ) -> internal.ListFollowerIdsResponse:
        return await list_follower_ids(request, store=self._store)

    async def ListFolloweeIds(
        self, request: internal.ListFolloweeIdsRequest, _context: object
    ) -> internal.ListFolloweeIdsResponse:
        return await list_followee_ids(request, store=self._store)

    async def GetReadContext(
        self, request: internal.GetReadContextRequest, _context: object
    ) -> internal.GetReadContextResponse:
        return await get_read_context(request, store=self._store)

    async def BatchGetGraphCounts(
        self, request: internal.BatchGetGraphCountsRequest, _context: object
    ) -> internal.BatchGetGraphCountsResponse:
        return await batch_get_graph_counts(request, store=self._store)
