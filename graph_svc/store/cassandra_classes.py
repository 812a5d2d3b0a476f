"""Classes of authors in Cassandra: each stage begins on the condition of the version before it.

A stage and its event are in different partitions, so the event is kept with the stage until it is in the outbox too.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from graph_svc.author_class import UNSETTLED, Stage, Standing, first_cursor
from graph_svc.model import AuthorClass, FollowEdge
from mesh.clock import Clock
from mesh.events.interface import OutboxEvent
from mesh.failpoints import fp
from mesh.storage.cassandra import Cassandra, Statement
from mesh.storage.cassandra_outbox import CassandraOutbox

# The list of unsettled authors is one partition: a few at a time change their class.
SHARD = 0
FIRST_VERSION = 0

_READ = Statement(
    "graph.standing",
    "SELECT DISTINCT user_id, stage, since_us, cursor, event_id, version, announced FROM accounts WHERE user_id = ?",
)
_EVENT = Statement(
    "graph.stage_event", "SELECT DISTINCT user_id, event_subject, event_payload FROM accounts WHERE user_id = ?"
)
_BEGIN = Statement(
    "graph.begin_stage",
    "UPDATE accounts SET stage = ?, since_us = ?, cursor = ?, event_id = ?, event_subject = ?, event_payload = ?,"
    " version = ? WHERE user_id = ? IF version = ?",
)
_MOVE = Statement("graph.move_cursor", "UPDATE accounts SET cursor = ?, version = ? WHERE user_id = ? IF version = ?")
_ANNOUNCED = Statement("graph.announced", "UPDATE accounts USING TIMESTAMP ? SET announced = ? WHERE user_id = ?")
_NOTE = Statement(
    "graph.note_unsettled", "INSERT INTO unsettled_authors (shard, author_id) VALUES (?, ?) USING TIMESTAMP ?"
)
_FORGET = Statement(
    "graph.forget_unsettled", "DELETE FROM unsettled_authors USING TIMESTAMP ? WHERE shard = ? AND author_id = ?"
)
_UNSETTLED = Statement(
    "graph.unsettled", "SELECT author_id FROM unsettled_authors WHERE shard = ? AND author_id > ? LIMIT ?"
)
_SET_LIVE = Statement(
    "graph.set_pull_live",
    "UPDATE following_pull USING TIMESTAMP ? SET is_live = ? WHERE follower_id = ? AND author_id = ?",
)
_SET_INDEXED = Statement(
    "graph.set_pull_indexed",
    "UPDATE following_pull USING TIMESTAMP ? SET is_indexed = ?, index_version = ?"
    " WHERE follower_id = ? AND author_id = ?",
)


class CassandraClasses:
    """The static columns of `accounts`, `unsettled_authors`, and what is written of `following_pull`.

    Every method raises Unavailable.
    """

    def __init__(self, cassandra: Cassandra, outbox: CassandraOutbox, clock: Clock) -> None:
        self._cassandra = cassandra
        self._outbox = outbox
        self._clock = clock

    async def standing(self, author_id: int) -> Standing:
        """As GraphStore says."""
        standing, _ = await self._read(author_id)
        return standing

    async def change_stage(
        self, standing: Standing, stage: Stage, *, now_us: int, announce: OutboxEvent | None
    ) -> Standing | None:
        """As GraphStore says."""
        begun = replace(
            standing,
            stage=stage,
            since_us=now_us,
            cursor=first_cursor(stage),
            event_id=announce.event_id if announce else 0,
            version=standing.version + 1,
        )
        if stage in UNSETTLED:
            await self._cassandra.run(_NOTE, SHARD, begun.author_id, begun.version)
            fp("class.noted")
        is_begun = await self._cassandra.applied(
            _BEGIN,
            *(int(stage), now_us, begun.cursor, begun.event_id),
            *((announce.subject, announce.payload) if announce else (None, None)),
            *(begun.version, begun.author_id, standing.version or None),
        )
        if not is_begun:
            return None
        fp("class.stage_begun")
        if announce is not None:
            await self._put_into_outbox(begun, announce, at_us=now_us)
        if stage not in UNSETTLED:
            await self._cassandra.run(_FORGET, begun.version, SHARD, begun.author_id)
        return begun

    async def move_cursor(self, standing: Standing, *, cursor: int) -> Standing | None:
        """The standing with another cursor; None when somebody else has moved the author on."""
        moved = replace(standing, cursor=cursor, version=standing.version + 1)
        is_moved = await self._cassandra.applied(_MOVE, cursor, moved.version, standing.author_id, standing.version)
        return moved if is_moved else None

    async def unsettled(self, *, above_author_id: int, limit: int) -> list[Standing]:
        """As GraphStore says. The event of each is in the outbox, or has been."""
        found: list[Standing] = []
        while len(found) < limit:
            noted = await self._cassandra.run(_UNSETTLED, SHARD, above_author_id, limit)
            reads = await asyncio.gather(*(self._read(author_id) for (author_id,) in noted))
            for standing, announced in reads:
                if standing.stage in UNSETTLED:
                    if standing.event_id and announced < standing.version:
                        await self._put_stored_event_into_outbox(standing)
                    found.append(standing)
                elif standing.version:
                    # A stage that is just about to begin has a later version, and its note stays.
                    await self._cassandra.run(_FORGET, standing.version, SHARD, standing.author_id)
            if len(noted) < limit:
                break
            above_author_id = noted[-1][0]
        return found[:limit]

    async def index(self, edges: list[FollowEdge], standing: Standing) -> None:
        """Mark edges of the author as its stage asks. What a later change or version wrote stays.

        The edges must have been read after the standing.
        """
        await asyncio.gather(*(self._mark(edge, standing) for edge in edges))

    async def _mark(self, edge: FollowEdge, standing: Standing) -> None:
        pair, version = (edge.follower_id, edge.followee_id), standing.version
        is_indexed = edge.is_live and standing.stage.author_class is not AuthorClass.PUSH
        await self._cassandra.batch(
            "graph.index_edge",
            (_SET_LIVE, (edge.op_time_us, edge.is_live, *pair)),
            (_SET_INDEXED, (version, is_indexed, version, *pair)),
        )

    async def _read(self, author_id: int) -> tuple[Standing, int]:
        """The standing, and the version whose event is in the outbox."""
        rows = await self._cassandra.run(_READ, author_id)
        if not rows or rows[0][5] is None:
            return Standing(author_id), FIRST_VERSION
        _, stage, since_us, cursor, event_id, version, announced = rows[0]
        return Standing(author_id, Stage(stage), since_us, cursor, event_id, version), announced or FIRST_VERSION

    async def _put_stored_event_into_outbox(self, standing: Standing) -> None:
        """Who began the stage has been killed since, or is just about to: then the event is there twice."""
        rows = await self._cassandra.run(_EVENT, standing.author_id)
        event = OutboxEvent(standing.event_id, rows[0][1], rows[0][2])
        await self._put_into_outbox(standing, event, at_us=self._clock.now_us())

    async def _put_into_outbox(self, standing: Standing, event: OutboxEvent, *, at_us: int) -> None:
        # Findable: the job asks whether it is confirmed. Cut off before the mark, it is there twice.
        await self._outbox.commit_findable(announce=event, at_us=at_us)
        fp("class.in_outbox")
        await self._cassandra.run(_ANNOUNCED, standing.version, standing.version, standing.author_id)
