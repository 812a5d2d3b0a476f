"""EngagementStore on Cassandra: edges are written plainly, and each call counts its own before it answers.

First a mark, then the edge, then it is counted and shown, and the mark goes: a call that does not come so far is found
by its mark (docs/decisions/0027). No batch has rows of several partitions: with a node down it would wait for that.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from heapq import merge
from itertools import islice

from engagement_svc.model import Drift, Engagement, LikeEdge, Liking
from engagement_svc.store.cassandra_marks import BUCKETS, Change, Marks, Partition
from engagement_svc.store.cassandra_recount import recount
from engagement_svc.store.cassandra_settling import LIKES, Settled, Settling, counts_of, slice_of
from engagement_svc.store.interface import EngagementStore
from mesh.failpoints import fp
from mesh.storage.cassandra import Call, Cassandra, Statement

REPLIES, TWEETS = "replies", "tweets"
NO_END = 2**63 - 1
# Events of a tweet have no order but this one: removed is later than added.
_ADDED, _REMOVED = 1, 2

_STORED = Statement(
    "edges.stored",
    "SELECT is_live, op_us FROM edges WHERE what = ? AND owner_id = ? AND bucket = ? AND member_id = ?",
)
# Updates, and no inserts: what they do not name must stay as it is, also when it is not there.
_BEGIN = Statement(
    "edges.begin",
    "UPDATE edges USING TIMESTAMP ? SET is_live = true, op_us = ?, new_edge_id = ?, new_created_us = ?"
    " WHERE what = ? AND owner_id = ? AND bucket = ? AND member_id = ?",
)
_CHANGE = Statement(
    "edges.change",
    "UPDATE edges USING TIMESTAMP ? SET is_live = ?, op_us = ?"
    " WHERE what = ? AND owner_id = ? AND bucket = ? AND member_id = ?",
)
_LIKED = Statement(
    "likes_by_user.of_tweets",
    "SELECT tweet_id, is_live FROM likes_by_user WHERE user_id = ? AND slice = ? AND tweet_id IN ?",
)
_LIKERS = Statement(
    "likers.page",
    "SELECT edge_id, user_id, created_us, op_us FROM likers WHERE tweet_id = ? AND bucket = ? AND edge_id < ? LIMIT ?",
)


class CassandraEngagementStore(EngagementStore):
    """The tables of schema/cassandra. `settling` and `marks` are those of the process, and on the same keyspace."""

    def __init__(self, cassandra: Cassandra, *, settling: Settling, marks: Marks) -> None:
        self._cassandra = cassandra
        self._settling = settling
        self._marks = marks

    async def like(self, user_id: int, tweet_id: int, *, new_edge_id: int, now_us: int) -> Liking:
        partition = Partition.of(LIKES, tweet_id, user_id)
        stored = await self._stored(partition, user_id)
        if stored is None:
            begin = (now_us, now_us, new_edge_id, now_us, *partition, user_id)
            change = await self._write(partition, user_id, now_us, (_BEGIN, begin))
        else:
            change = await self._changed(partition, user_id, stored, is_live=True, now_us=now_us)
        return _liking(tweet_id, await self._settling.settle(change))

    async def unlike(self, user_id: int, tweet_id: int, *, now_us: int) -> Liking | None:
        partition = Partition.of(LIKES, tweet_id, user_id)
        stored = await self._stored(partition, user_id)
        if stored is None:
            return None
        change = await self._changed(partition, user_id, stored, is_live=False, now_us=now_us)
        return _liking(tweet_id, await self._settling.settle(change))

    async def likes(self, tweet_id: int, *, below_edge_id: int, limit: int) -> list[LikeEdge]:
        below = below_edge_id or NO_END
        pages = await asyncio.gather(
            *(self._cassandra.run(_LIKERS, tweet_id, bucket, below, limit) for bucket in range(BUCKETS))
        )
        newest = islice(merge(*pages, reverse=True), limit)
        return [
            LikeEdge(user_id, tweet_id, edge_id, created_us, op_us, is_live=True)
            for edge_id, user_id, created_us, op_us in newest
        ]

    async def engagements(self, tweet_ids: Sequence[int], *, viewer_id: int) -> list[Engagement]:
        liked, counts = await asyncio.gather(self._liked(tweet_ids, viewer_id), counts_of(self._cassandra, tweet_ids))
        return [Engagement(id_, counts[id_][LIKES], counts[id_][REPLIES], id_ in liked) for id_ in tweet_ids]

    async def add_tweet(self, tweet_id: int, *, author_id: int, parent_id: int) -> None:
        await self._tell(tweet_id, author_id, parent_id, op_us=_ADDED, is_live=True)

    async def remove_tweet(self, tweet_id: int, *, author_id: int, parent_id: int) -> None:
        await self._tell(tweet_id, author_id, parent_id, op_us=_REMOVED, is_live=False)

    async def tweets_counts(self, author_ids: Sequence[int]) -> dict[int, int]:
        counts = await counts_of(self._cassandra, author_ids)
        return {author_id: kept[TWEETS] for author_id, kept in counts.items()}

    async def drifts(self) -> list[Drift]:
        return await recount(self._cassandra)

    async def ping(self) -> None:
        await self._cassandra.ping()

    async def _stored(self, partition: Partition, member_id: int) -> tuple[bool, int] | None:
        """Whether an edge is live, and its time."""
        rows = await self._cassandra.run(_STORED, *partition, member_id)
        return (rows[0][0], rows[0][1]) if rows else None

    async def _changed(
        self, partition: Partition, user_id: int, stored: tuple[bool, int], *, is_live: bool, now_us: int
    ) -> Change:
        was_live, stored_us = stored
        if was_live == is_live:
            # Settled once more: whoever wrote it may not have come to it.
            return Change(partition, user_id, stored_us)
        op_us = max(now_us, stored_us + 1)
        return await self._write(partition, user_id, op_us, (_CHANGE, (op_us, is_live, op_us, *partition, user_id)))

    async def _write(self, partition: Partition, member_id: int, op_us: int, edge: Call) -> Change:
        """The edge. Its mark comes first: of an edge without one nobody would hear again."""
        change = await self._marks.mark(partition, member_id, op_us=op_us)
        fp("like.marked")
        statement, values = edge
        await self._cassandra.run(statement, *values)
        fp("like.edge_written")
        return change

    async def _tell(self, tweet_id: int, author_id: int, parent_id: int, *, op_us: int, is_live: bool) -> None:
        async def tell(partition: Partition) -> None:
            edge = (_CHANGE, (op_us, is_live, op_us, *partition, tweet_id))
            await self._settling.settle(await self._write(partition, tweet_id, op_us, edge))

        partitions = [Partition.of(TWEETS, author_id, tweet_id)]
        if parent_id:
            partitions.append(Partition.of(REPLIES, parent_id, tweet_id))
        await asyncio.gather(*map(tell, partitions))

    async def _liked(self, tweet_ids: Sequence[int], viewer_id: int) -> set[int]:
        if not viewer_id:
            return set()
        slices: dict[int, set[int]] = defaultdict(set)
        for tweet_id in tweet_ids:
            slices[slice_of(tweet_id)].add(tweet_id)
        found = await asyncio.gather(
            *(self._cassandra.run(_LIKED, viewer_id, slice_, list(ids)) for slice_, ids in slices.items())
        )
        return {tweet_id for rows in found for tweet_id, is_live in rows if is_live}


def _liking(tweet_id: int, settled: Settled) -> Liking:
    edge = settled.edge
    return Liking(
        LikeEdge(edge.member_id, tweet_id, edge.edge_id, edge.created_us, edge.op_us, edge.is_live), settled.count
    )
