"""A graph store against a model of thirty lines: any sequence of follows, ends, and changes of class."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from graph_svc.author_class import Stage, Standing
from graph_svc.model import GraphCounts
from tests.conformance.graph_store.backends import BACKENDS, Backend, Open
from tests.conformance.graph_store.cases import NOW, events, follow, followers, following, unfollow

USERS = (1, 2, 3, 4, 5)
# The one whose class changes.
STAR = 5
NEXT_STAGES = {
    Stage.PUSH: (Stage.INDEXING,),
    Stage.INDEXING: (Stage.INDEXED, Stage.PUSHING),
    Stage.INDEXED: (Stage.PULL, Stage.PUSHING),
    Stage.PULL: (Stage.PUSHING,),
    Stage.PUSHING: (Stage.CLEANING, Stage.INDEXING),
    Stage.CLEANING: (Stage.PUSH, Stage.INDEXING),
}

users = st.sampled_from(USERS)


class GraphStoreMachine(RuleBasedStateMachine):
    """The model: live edge ids by pair, ids of all edges by pair, events, and the star's stage."""

    open_backend: ClassVar[Open] = BACKENDS["sqlite"]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        self.backend: Backend = self.runner.run(self.stack.enter_async_context(type(self).open_backend(folder)))
        self.edge_ids: dict[tuple[int, int], int] = {}
        self.live: set[tuple[int, int]] = set()
        self.event_count = 0
        self.now_us = NOW

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    @rule(follower_id=users, followee_id=users, edge_id=st.integers(min_value=1, max_value=2**62))
    def follow(self, follower_id: int, followee_id: int, edge_id: int) -> None:
        pair = (follower_id, followee_id)
        if follower_id == followee_id or edge_id in self.edge_ids.values():
            return
        self.now_us += 1
        edge = self.runner.run(follow(self.backend.store, *pair, edge_id=edge_id, now_us=self.now_us))
        assert edge.edge_id == self.edge_ids.setdefault(pair, edge_id)
        self.event_count += pair not in self.live
        self.live.add(pair)

    @rule(follower_id=users, followee_id=users)
    def unfollow(self, follower_id: int, followee_id: int) -> None:
        pair = (follower_id, followee_id)
        self.now_us += 1
        edge = self.runner.run(unfollow(self.backend.second, *pair, now_us=self.now_us))
        assert (edge.edge_id if edge else None) == self.edge_ids.get(pair)
        self.event_count += pair in self.live
        self.live.discard(pair)

    @rule(limit=st.integers(min_value=1, max_value=3))
    @precondition(lambda self: self.star().stage is Stage.INDEXING)
    def index_a_page(self, limit: int) -> None:
        assert self.runner.run(self.backend.store.index_followers(self.star(), limit=limit)) is not None

    @rule(limit=st.integers(min_value=1, max_value=3))
    @precondition(lambda self: self.star().stage is Stage.CLEANING)
    def unindex_a_page(self, limit: int) -> None:
        assert self.runner.run(self.backend.store.unindex_followers(self.star(), limit=limit)) <= limit

    @rule(data=st.data())
    def begin_a_stage(self, data: st.DataObject) -> None:
        standing = self.star()
        stage = data.draw(st.sampled_from(NEXT_STAGES[standing.stage]))
        is_too_early = {
            Stage.INDEXED: standing.cursor > 0,
            Stage.PUSH: bool(self.pullers()),
        }
        if not is_too_early.get(stage, False):
            begun = self.runner.run(self.backend.store.change_stage(standing, stage, now_us=self.now_us))
            assert begun is not None
            assert begun.version > standing.version

    @invariant()
    def lists_are_newest_first_by_edge_id(self) -> None:
        for user_id in USERS:
            by_edge = sorted(self.live, key=lambda pair: self.edge_ids[pair], reverse=True)
            assert self.runner.run(followers(self.backend.store, user_id)) == [a for a, b in by_edge if b == user_id]
            assert self.runner.run(following(self.backend.store, user_id)) == [b for a, b in by_edge if a == user_id]

    @invariant()
    def counts_are_the_edges(self) -> None:
        found = self.runner.run(self.backend.store.counts(USERS))
        for user_id, counts in found.items():
            followers_count = sum(b == user_id for _, b in self.live)
            following_count = sum(a == user_id for a, _ in self.live)
            assert counts == GraphCounts(followers_count, following_count, counts.author_class)

    @invariant()
    def every_change_is_announced_once(self) -> None:
        announced = self.runner.run(events(self.backend.outbox))
        assert len(announced) == len(set(announced)) == self.event_count

    @invariant()
    def the_index_is_that_of_the_stage(self) -> None:
        star = self.star()
        star_followers = {a for a, b in self.live if b == STAR}
        pullers = self.pullers()
        assert pullers <= star_followers
        if star.stage in (Stage.INDEXED, Stage.PULL):
            assert pullers == star_followers
        if star.stage is Stage.PUSH:
            assert not pullers
        assert self.runner.run(self.backend.store.drifts()) == []

    def star(self) -> Standing:
        return self.runner.run(self.backend.store.standing(STAR))

    def pullers(self) -> set[int]:
        return {user_id for user_id in USERS if STAR in self.runner.run(self.backend.store.pulled_authors(user_id))}
