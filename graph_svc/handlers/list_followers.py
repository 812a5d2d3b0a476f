"""Followers of an account, newest first."""

from __future__ import annotations

from aviary.graph.v1.graph_service_pb2 import ListFollowersRequest, ListFollowersResponse
from aviary.type.v1.tweet_pb2 import EXPANSION_AUTHOR, Includes
from graph_svc.convert import to_edge_messages
from graph_svc.model import UserNotFound
from graph_svc.store import GraphStore
from mesh.caller import Caller
from mesh.paging import Paging, page_size
from views.clients.users import UserCards

DEFAULT_PAGE_SIZE = 100
LARGEST_PAGE_SIZE = 1000
# An account may take 3 KiB, and an answer 1 MiB.
LARGEST_PAGE_WITH_ACCOUNTS = 250


async def list_followers(
    request: ListFollowersRequest, *, caller: Caller, store: GraphStore, users: UserCards, paging: Paging
) -> ListFollowersResponse:
    """A page of live follows, how many there are in all, and if asked the accounts that can be had now.

    Raises UserNotFound.
    """
    with_accounts = EXPANSION_AUTHOR in request.expansions
    most = LARGEST_PAGE_WITH_ACCOUNTS if with_accounts else LARGEST_PAGE_SIZE
    limit = page_size(request.page_size, default=DEFAULT_PAGE_SIZE, most=most)
    arguments = ("ListFollowers", request.user_id)
    position = paging.decode(request.page_token, arguments=arguments, caller_id=caller.user_id)
    if request.user_id not in await users.get_many([request.user_id]):
        raise UserNotFound(user_id=request.user_id)
    edges = await store.followers(request.user_id, below_edge_id=position, limit=limit + 1)
    page = edges[:limit]
    last_edge_id = page[-1].edge_id if len(edges) > limit else 0
    wanted = [edge.follower_id for edge in page] if with_accounts else []
    accounts = await users.get_reachable(wanted)
    counts = await store.counts([request.user_id])
    return ListFollowersResponse(
        followers=to_edge_messages((edge.follower_id, edge.created_us) for edge in page),
        next_page_token=paging.encode(last_edge_id, arguments=arguments, caller_id=caller.user_id),
        total_count=counts[request.user_id].followers_count,
        includes=Includes(users=accounts.values()),
    )
