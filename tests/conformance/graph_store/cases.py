"""What the suites of the graph store share: a few accounts, and short ways to write and read."""

from __future__ import annotations

from graph_svc.author_class import Stage, Standing
from graph_svc.model import FollowEdge
from graph_svc.store import GraphStore
from mesh.events.interface import OutboxEvent
from tests.conformance.graph_store.backends import Backend

ANN, BOB, CYD, DAN, EVE = 1_001, 1_002, 1_003, 1_004, 1_005
NOW = 1_800_000_000_000_000


def announced(edge: FollowEdge) -> OutboxEvent:
    """An event that shows the edge it was made of; one id for each write, as edges change at most once at a time."""
    state = "began" if edge.is_live else "ended"
    text = f"{edge.follower_id} {edge.followee_id} {state} {edge.op_time_us} {edge.edge_id}"
    return OutboxEvent(hash(text) & 2**62 - 1, "ev.graph.follow_changed.00", text.encode())


async def follow(
    store: GraphStore, follower_id: int, followee_id: int, *, edge_id: int = 0, now_us: int = NOW
) -> FollowEdge:
    """Follow with an edge id of both ids' own, unless it is given."""
    new_edge_id = edge_id or follower_id * 10_000 + followee_id
    return await store.follow(follower_id, followee_id, new_edge_id=new_edge_id, now_us=now_us, announce=announced)


async def unfollow(store: GraphStore, follower_id: int, followee_id: int, *, now_us: int = NOW) -> FollowEdge | None:
    return await store.unfollow(follower_id, followee_id, now_us=now_us, announce=announced)


async def events(backend: Backend) -> list[str]:
    """What was announced, oldest first."""
    return [payload.decode() for payload in await backend.announced()]


async def followers(store: GraphStore, user_id: int) -> list[int]:
    return [edge.follower_id for edge in await store.followers(user_id, below_edge_id=0, limit=1_000)]


async def following(store: GraphStore, user_id: int) -> list[int]:
    return [edge.followee_id for edge in await store.following(user_id, below_edge_id=0, limit=1_000)]


async def at_stage(store: GraphStore, author_id: int, *stages: Stage, now_us: int = NOW) -> Standing:
    """Begin one stage after the other."""
    standing = await store.standing(author_id)
    for stage in stages:
        changed = await store.change_stage(standing, stage, now_us=now_us)
        assert changed is not None
        standing = changed
    return standing


async def indexed(store: GraphStore, author_id: int, *, limit: int = 1_000) -> Standing:
    """Take an author from PUSH to INDEXING and index all followers."""
    standing = await at_stage(store, author_id, Stage.INDEXING)
    while standing.cursor:
        moved = await store.index_followers(standing, limit=limit)
        assert moved is not None
        standing = moved
    return standing
