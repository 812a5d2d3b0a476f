"""A graph store against a model of thirty lines: any sequence of follows, ends, and changes of class."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from graph_svc.author_class import Stage, Standing
from graph_svc.model import GraphCounts
from tests.conformance.graph_store.backends import Backend, Open
from tests.conformance.graph_store.cases import NOW, events, follow, followers, following, unfollow

USERS = (1, 2, 3, 4)
# The one whose class changes, and whom the others like to follow.
STAR = 4
NEXT_STAGES = {
    Stage.PUSH: (Stage.INDEXING,),
    Stage.INDEXING: (Stage.INDEXED, Stage.PUSHING),
    Stage.INDEXED: (Stage.PULL, Stage.PUSHING),
    Stage.PULL: (Stage.PUSHING,),
    Stage.PUSHING: (Stage.CLEANING, Stage.INDEXING),
    Stage.CLEANING: (Stage.PUSH, Stage.INDEXING),
}

users = st.sampled_from(USERS)
followees = st.sampled_from((*USERS, STAR, STAR))


def run_machine(open_backend: Open, folder: Path, how: settings) -> None:
    """All examples on one database, each with accounts of its own: emptying it costs more than an example."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        backend = runner.run(stack.enter_async_context(open_backend(folder)))
        try:
            shared = {"runner": runner, "backend": backend, "examples": count(1)}
            run_state_machine_as_test(type("Machine", (GraphStoreMachine,), shared), settings=how)
        finally:
            runner.run(stack.aclose())


class GraphStoreMachine(RuleBasedStateMachine):
    """The model: live edge ids by pair, ids of all edges by pair, events, and the star's stage.

    What a step touched is looked at after it, and everything at the end.
    """

    runner: ClassVar[asyncio.Runner]
    backend: ClassVar[Backend]
    examples: ClassVar[count[int]]

    def __init__(self) -> None:
        super().__init__()
        self.first_id = next(self.examples) * 100
        self.star_id = self.first_id + STAR
        self.user_ids = [self.first_id + user for user in USERS]
        self.edge_ids: dict[tuple[int, int], int] = {}
        self.live: set[tuple[int, int]] = set()
        self.event_count = 0
        self.now_us = NOW

    def teardown(self) -> None:
        self.runner.run(self.everything_is_right())

    async def everything_is_right(self) -> None:
        drifts, *_ = await asyncio.gather(self.backend.store.drifts(), self.every_change_is_announced_once())
        await asyncio.gather(
            self.the_index_is_that_of_the_stage(), *(self.account_is_right(user_id) for user_id in self.user_ids)
        )
        assert [drift for drift in drifts if drift.user_id in self.user_ids] == []

    @rule(follower=users, followee=followees, edge_id=st.integers(min_value=1, max_value=2**62))
    def follow(self, follower: int, followee: int, edge_id: int) -> None:
        pair = self.pair(follower, followee)
        if follower == followee or edge_id in self.edge_ids.values():
            return
        self.now_us += 1
        edge = self.runner.run(follow(self.backend.store, *pair, edge_id=edge_id, now_us=self.now_us))
        assert edge.edge_id == self.edge_ids.setdefault(pair, edge_id)
        self.event_count += pair not in self.live
        self.live.add(pair)
        self.check(pair)

    @rule(follower=users, followee=followees)
    def unfollow(self, follower: int, followee: int) -> None:
        pair = self.pair(follower, followee)
        self.now_us += 1
        edge = self.runner.run(unfollow(self.backend.second, *pair, now_us=self.now_us))
        assert (edge.edge_id if edge else None) == self.edge_ids.get(pair)
        self.event_count += pair in self.live
        self.live.discard(pair)
        self.check(pair)

    @rule(follower=users, followee=followees)
    def complete_again(self, follower: int, followee: int) -> None:
        pair = self.pair(follower, followee)
        if pair in self.edge_ids:
            self.runner.run(self.backend.second.complete(*pair, op_time_us=0))
            self.check(pair)

    @rule(limit=st.integers(min_value=1, max_value=3))
    @precondition(lambda self: self.star().stage is Stage.INDEXING and self.star().cursor)
    def index_a_page(self, limit: int) -> None:
        assert self.runner.run(self.backend.store.index_followers(self.star(), limit=limit)) is not None
        self.runner.run(self.the_index_is_that_of_the_stage())

    @rule(limit=st.integers(min_value=1, max_value=3))
    @precondition(lambda self: self.star().stage is Stage.CLEANING and self.star().cursor)
    def unindex_a_page(self, limit: int) -> None:
        assert self.runner.run(self.backend.store.unindex_followers(self.star(), limit=limit)) is not None
        self.runner.run(self.the_index_is_that_of_the_stage())

    @rule(data=st.data())
    def begin_a_stage(self, data: st.DataObject) -> None:
        standing = self.star()
        stage = data.draw(st.sampled_from(NEXT_STAGES[standing.stage]))
        if standing.cursor == 0 or stage not in (Stage.INDEXED, Stage.PUSH):
            begun = self.runner.run(self.backend.store.change_stage(standing, stage, now_us=self.now_us))
            assert begun is not None
            assert begun.version > standing.version
            self.runner.run(self.the_index_is_that_of_the_stage())

    def check(self, pair: tuple[int, int]) -> None:
        self.runner.run(self.pair_is_right(pair))

    async def pair_is_right(self, pair: tuple[int, int]) -> None:
        checks = [self.account_is_right(user_id) for user_id in pair]
        if self.star_id in pair:
            checks.append(self.the_index_is_that_of_the_stage())
        await asyncio.gather(*checks)

    async def account_is_right(self, user_id: int) -> None:
        by_edge = sorted(self.live, key=lambda pair: self.edge_ids[pair], reverse=True)
        follower_ids, followee_ids = [a for a, b in by_edge if b == user_id], [b for a, b in by_edge if a == user_id]
        store = self.backend.store
        found = await asyncio.gather(followers(store, user_id), following(store, user_id), store.counts([user_id]))
        counts = found[2][user_id]
        assert found[0] == follower_ids
        assert found[1] == followee_ids
        assert counts == GraphCounts(len(follower_ids), len(followee_ids), counts.author_class)

    async def every_change_is_announced_once(self) -> None:
        announced = [text for text in await events(self.backend) if int(text.split()[0]) in self.user_ids]
        assert len(announced) == len(set(announced)) == self.event_count

    async def the_index_is_that_of_the_stage(self) -> None:
        star, index = await asyncio.gather(
            self.backend.store.standing(self.star_id),
            asyncio.gather(*(self.backend.store.pulled_authors(user_id) for user_id in self.user_ids)),
        )
        pullers = {user_id for user_id, pulled in zip(self.user_ids, index, strict=True) if self.star_id in pulled}
        star_followers = {a for a, b in self.live if b == self.star_id}
        assert pullers <= star_followers
        if star.stage in (Stage.INDEXED, Stage.PULL):
            assert pullers == star_followers
        if star.stage is Stage.PUSH:
            assert not pullers

    def pair(self, follower: int, followee: int) -> tuple[int, int]:
        return self.first_id + follower, self.first_id + followee

    def star(self) -> Standing:
        return self.runner.run(self.backend.store.standing(self.star_id))
