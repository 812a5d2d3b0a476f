"""Recounts all edges: for those who check, when nothing is on its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

from engagement_svc.model import Drift
from mesh.storage.cassandra import Cassandra, Row, Statement

ROWS_AT_ONCE = 2_000

# The only statements without a partition key: they are meant to read everything.
_EDGES = Statement("edges.all", "SELECT what, owner_id, bucket, is_live, count FROM edges")
_COUNTS = Statement("counts.all", "SELECT what, owner_id, bucket, count FROM counts")


async def recount(cassandra: Cassandra) -> list[Drift]:
    """Counts that are not what the rows say: the one that is read, or else the one that the next batch builds on."""
    actual: Counter[tuple[str, int]] = Counter()
    moved: dict[tuple[str, int, int], int] = {}
    async for what, owner_id, bucket, is_live, count in _all(cassandra, _EDGES):
        actual[what, owner_id] += is_live
        moved[what, owner_id, bucket] = count or 0
    shown = {(what, owner_id, bucket): count async for what, owner_id, bucket, count in _all(cassandra, _COUNTS)}
    drifts = {}
    for counts in (moved, shown):
        kept: Counter[tuple[str, int]] = Counter()
        for (what, owner_id, _), count in counts.items():
            kept[what, owner_id] += count
        for owner in actual.keys() | kept.keys():
            if kept[owner] != actual[owner]:
                what, owner_id = owner
                drifts[owner] = Drift(owner_id, what, kept=kept[owner], actual=actual[owner])
    return list(drifts.values())


async def _all(cassandra: Cassandra, statement: Statement) -> AsyncIterator[Row]:
    state = b""
    while True:
        page = await cassandra.page(statement, size=ROWS_AT_ONCE, state=state)
        for row in page.rows:
            yield row
        state = page.next_state
        if not state:
            return
