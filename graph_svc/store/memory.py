"""The graph in this process, for tests and simulation: the promises of the other stores, kept by dictionaries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from graph_svc.author_class import BEFORE_THE_NEWEST, UNSETTLED, Stage, Standing, first_cursor
from graph_svc.model import AuthorClass, Drift, FollowEdge, Followee, FollowerIds, GraphCounts, Relationship
from graph_svc.store.interface import Announce, GraphStore
from mesh.events.interface import OutboxEvent
from mesh.storage.memory import MemoryOutbox


class MemoryGraphStore(GraphStore):
    """Every call is one step, so that every change is complete. Nothing in it outlives the process."""

    def __init__(self, outbox: MemoryOutbox) -> None:
        self._outbox = outbox
        self._edges: dict[tuple[int, int], FollowEdge] = {}
        self._followers: defaultdict[int, set[int]] = defaultdict(set)
        self._following: defaultdict[int, set[int]] = defaultdict(set)
        self._pulled: defaultdict[int, set[int]] = defaultdict(set)
        self._versions: defaultdict[int, int] = defaultdict(int)
        self._standings: dict[int, Standing] = {}

    async def follow(
        self, follower_id: int, followee_id: int, *, new_edge_id: int, now_us: int, announce: Announce
    ) -> FollowEdge:
        stored = self._edges.get((follower_id, followee_id))
        if stored is not None and stored.is_live:
            return stored
        if stored is None:
            edge = FollowEdge(follower_id, followee_id, new_edge_id, now_us, now_us, is_live=True)
        else:
            edge = stored.changed(is_live=True, now_us=now_us)
        self._save(edge, announce(edge), now_us=now_us)
        if self._standing(followee_id).stage.author_class is not AuthorClass.PUSH:
            self._pulled[follower_id].add(followee_id)
        return edge

    async def unfollow(
        self, follower_id: int, followee_id: int, *, now_us: int, announce: Announce
    ) -> FollowEdge | None:
        stored = self._edges.get((follower_id, followee_id))
        if stored is None or not stored.is_live:
            return stored
        edge = stored.changed(is_live=False, now_us=now_us)
        self._save(edge, announce(edge), now_us=now_us)
        self._pulled[follower_id].discard(followee_id)
        return edge

    async def complete(self, follower_id: int, followee_id: int, *, op_time_us: int) -> None:
        """Nothing is left to do: the write was everything."""

    async def followers(self, user_id: int, *, below_edge_id: int, limit: int) -> list[FollowEdge]:
        return _page((self._edges[other, user_id] for other in self._followers[user_id]), below_edge_id, limit)

    async def following(self, user_id: int, *, below_edge_id: int, limit: int) -> list[FollowEdge]:
        return _page((self._edges[user_id, other] for other in self._following[user_id]), below_edge_id, limit)

    async def follower_ids(self, user_id: int, *, below_edge_id: int, limit: int) -> FollowerIds:
        edges = await self.followers(user_id, below_edge_id=below_edge_id, limit=limit + 1)
        page = edges[:limit]
        return FollowerIds([edge.follower_id for edge in page], page[-1].edge_id if len(edges) > limit else 0)

    async def followees(self, user_id: int, *, below_edge_id: int, limit: int) -> list[Followee]:
        edges = await self.following(user_id, below_edge_id=below_edge_id, limit=limit)
        return [
            Followee(edge.followee_id, edge.edge_id, self._standing(edge.followee_id).stage.author_class)
            for edge in edges
        ]

    async def counts(self, user_ids: Sequence[int]) -> dict[int, GraphCounts]:
        return {
            user_id: GraphCounts(
                len(self._followers[user_id]), len(self._following[user_id]), self._standing(user_id).stage.author_class
            )
            for user_id in user_ids
        }

    async def follows_version(self, user_id: int) -> int:
        return self._versions[user_id]

    async def pulled_authors(self, user_id: int) -> list[int]:
        return sorted(self._pulled[user_id])

    async def relationships(self, user_id: int, other_ids: Sequence[int]) -> list[Relationship]:
        following, followers = self._following[user_id], self._followers[user_id]
        return [Relationship(other, other in following, other in followers) for other in other_ids]

    async def standing(self, author_id: int) -> Standing:
        return self._standing(author_id)

    async def change_stage(
        self, standing: Standing, stage: Stage, *, now_us: int, announce: OutboxEvent | None = None
    ) -> Standing | None:
        if self._standing(standing.author_id).version != standing.version:
            return None
        event_id = announce.event_id if announce else 0
        if announce is not None:
            self._outbox.append(announce, at_us=now_us)
        return self._put(
            Standing(standing.author_id, stage, now_us, first_cursor(stage), event_id, standing.version + 1)
        )

    async def unsettled(self, *, above_author_id: int, limit: int) -> list[Standing]:
        found = [standing for standing in self._standings.values() if standing.stage in UNSETTLED]
        found.sort(key=lambda standing: standing.author_id)
        return [standing for standing in found if standing.author_id > above_author_id][:limit]

    async def index_followers(self, standing: Standing, *, limit: int) -> Standing | None:
        page = await self._next_followers(standing, limit)
        if page is None:
            return None
        for edge in page:
            self._pulled[edge.follower_id].add(standing.author_id)
        return self._worked_off(standing, page, limit)

    async def unindex_followers(self, standing: Standing, *, limit: int) -> Standing | None:
        page = await self._next_followers(standing, limit)
        if page is None:
            return None
        for edge in page:
            self._pulled[edge.follower_id].discard(standing.author_id)
        return self._worked_off(standing, page, limit)

    async def drifts(self) -> list[Drift]:
        """Counts are those of the sets of edges, so only the index can drift."""
        drifts = []
        for author_id, standing in self._standings.items():
            indexed = {user_id for user_id, authors in self._pulled.items() if author_id in authors}
            expected = 0 if standing.stage is Stage.PUSH else len(self._followers[author_id])
            if standing.stage in (Stage.PUSH, Stage.INDEXED, Stage.PULL) and len(indexed) != expected:
                drifts.append(Drift(author_id, "indexed followers", len(indexed), expected))
            if strangers := indexed - self._followers[author_id]:
                drifts.append(Drift(author_id, "indexed strangers", len(strangers), 0))
        return drifts

    async def ping(self) -> None:
        """It is always there."""

    def _save(self, edge: FollowEdge, event: OutboxEvent, *, now_us: int) -> None:
        self._outbox.append(event, at_us=now_us)
        self._edges[edge.follower_id, edge.followee_id] = edge
        change = set.add if edge.is_live else set.discard
        change(self._followers[edge.followee_id], edge.follower_id)
        change(self._following[edge.follower_id], edge.followee_id)
        self._versions[edge.follower_id] += 1

    def _standing(self, author_id: int) -> Standing:
        return self._standings.get(author_id) or Standing(author_id)

    def _put(self, standing: Standing) -> Standing:
        self._standings[standing.author_id] = standing
        return standing

    async def _next_followers(self, standing: Standing, limit: int) -> list[FollowEdge] | None:
        """The page at the cursor; None with another version."""
        if self._standing(standing.author_id).version != standing.version:
            return None
        return await self.followers(standing.author_id, below_edge_id=standing.cursor, limit=limit)

    def _worked_off(self, standing: Standing, page: list[FollowEdge], limit: int) -> Standing:
        for edge in page:
            self._versions[edge.follower_id] += 1
        cursor = page[-1].edge_id if len(page) == limit else 0
        return self._put(replace(standing, cursor=cursor, version=standing.version + 1))


def _page(edges: Iterable[FollowEdge], below_edge_id: int, limit: int) -> list[FollowEdge]:
    below = below_edge_id or BEFORE_THE_NEWEST
    return sorted((edge for edge in edges if edge.edge_id < below), key=lambda edge: edge.edge_id, reverse=True)[:limit]
