"""The recount of all follows in Cassandra. It reads whole tables, which nothing else does."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import groupby

from graph_svc.author_class import Stage
from graph_svc.model import AuthorClass, Drift
from graph_svc.store.cassandra_counts import FOLLOWING_PART
from mesh.storage.cassandra import Cassandra, Row, Statement

ROWS_AT_ONCE = 1_000

_EDGES = Statement("graph.all_edges", "SELECT follower_id, followee_id, is_live FROM following")
_FOLLOWING = Statement("graph.all_following", "SELECT follower_id, is_live FROM following_by_edge")
_FOLLOWERS = Statement("graph.all_followers", "SELECT followee_id, is_live FROM followers")
_ACCOUNTS = Statement("graph.all_accounts", "SELECT user_id, part, live_count, stage FROM accounts")
_INDEX = Statement("graph.whole_index", "SELECT follower_id, author_id, is_live, is_indexed FROM following_pull")
_FOLLOWED = Statement(
    "graph.audited_edges", "SELECT followee_id, is_live FROM following WHERE follower_id = ? AND followee_id IN ?"
)


@dataclass(slots=True)
class _Recount:
    """What is kept and what it should be, by what it is and by account; and the stage of every author that has one."""

    kept: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    actual: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    stages: dict[int, Stage] = field(default_factory=dict)

    def drifts(self) -> list[Drift]:
        return [
            Drift(user_id, what, self.kept[what][user_id], self.actual[what][user_id])
            for what in sorted(self.kept.keys() | self.actual.keys())
            for user_id in sorted(self.kept[what].keys() | self.actual[what].keys())
            if self.kept[what][user_id] != self.actual[what][user_id]
        ]


async def recount(cassandra: Cassandra) -> list[Drift]:
    """As GraphStore.drifts says, and whether both lists have as many live follows. Raises Unavailable."""
    found = _Recount()
    async for follower_id, followee_id, is_live in _all(cassandra, _EDGES):
        if is_live:
            for what, user_id in (("following", follower_id), ("followers", followee_id)):
                found.actual[what][user_id] += 1
                found.actual[f"listed {what}"][user_id] += 1
    for what, statement in (("following", _FOLLOWING), ("followers", _FOLLOWERS)):
        async for user_id, is_live in _all(cassandra, statement):
            found.kept[f"listed {what}"][user_id] += bool(is_live)
    async for user_id, part, live_count, stage in _all(cassandra, _ACCOUNTS):
        if part is not None:
            found.kept["following" if part == FOLLOWING_PART else "followers"][user_id] += live_count
        if stage is not None:
            found.stages[user_id] = Stage(stage)
    await _recount_index(cassandra, found)
    return found.drifts()


async def _recount_index(cassandra: Cassandra, found: _Recount) -> None:
    """INDEXING, PUSHING and CLEANING promise no number."""
    indexed: Counter[int] = Counter()
    rows = [row async for row in _all(cassandra, _INDEX) if row[2] and row[3]]
    for follower_id, own in groupby(rows, key=lambda row: row[0]):
        author_ids = [row[1] for row in own]
        followed = {row[0] for row in await cassandra.run(_FOLLOWED, follower_id, author_ids) if row[1]}
        indexed.update(author_ids)
        found.kept["indexed strangers"].update(set(author_ids) - followed)
    for author_id, stage in found.stages.items():
        if stage in (Stage.PUSH, Stage.INDEXED, Stage.PULL):
            found.kept["indexed followers"][author_id] = indexed[author_id]
            is_pulled = stage.author_class is not AuthorClass.PUSH
            found.actual["indexed followers"][author_id] = found.actual["followers"][author_id] if is_pulled else 0


async def _all(cassandra: Cassandra, statement: Statement) -> AsyncIterator[Row]:
    state = b""
    while True:
        page = await cassandra.page(statement, size=ROWS_AT_ONCE, state=state)
        for row in page.rows:
            yield row
        state = page.next_state
        if not state:
            return
