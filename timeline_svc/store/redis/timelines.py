"""Timelines as Redis sorted sets. The Lua files beside this one hold the rules; each changes a timeline atomically."""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from redis.exceptions import RedisError

from mesh.clock import Clock
from mesh.errors import Unavailable
from mesh.storage.redis_pipeline import PipelinedRedis
from timeline_svc.model import Status, Stretch, TimelineLimits, TimelineState
from timeline_svc.store.interface import TimelineStore
from timeline_svc.store.redis.keys import KeyOf
from timeline_svc.store.redis.members import NEWEST, floor_of, id_of, member
from timeline_svc.store.redis.scripts import Call, ScriptName, Scripts

# A read renews the expiry of a timeline at most so often. Forgetting when costs one renewal too many.
RENEWED_EVERY = timedelta(hours=1)
RENEWALS_REMEMBERED = 50_000
# One call adds at most so many ids, 10 ms or so: nothing else runs in Redis meanwhile.
ADDITIONS_PER_CALL = 8_000
KEYS_PER_CALL = 1_000
IDS_PER_REMOVAL = 1_000
# A look for some owner goes through so many keys of any kind, and is given up after so many.
KEYS_PER_LOOK = 1_000
MOST_LOOKS = 100
_OWNER = re.compile(rb"(\d+)\}?$")


class RedisTimelineStore(TimelineStore):
    """One kind of timeline; `key_of` names its keys."""

    def __init__(
        self, redis: PipelinedRedis, *, key_of: KeyOf, scripts: Scripts, limits: TimelineLimits, clock: Clock
    ) -> None:
        self._redis = redis
        self._key_of = key_of
        self._prefix = key_of(0)[1].partition(":")[0] + ":"
        self._scripts = scripts
        self._limits = limits
        self._clock = clock
        self._renewed: dict[int, float] = {}

    async def state(self, owner_id: int) -> TimelineState:
        marks = await self._command("ZRANGE", self._key(owner_id), 0, 0)
        if not marks:
            return TimelineState(Status.ABSENT)
        floor = floor_of(marks[0])
        return TimelineState(Status.BUILDING) if floor is None else TimelineState(Status.READY, floor)

    async def page(self, owner_id: int, *, below: int, limit: int) -> Stretch | None:
        renewal = self._renewal(owner_id)
        if below or renewal:
            reply = (await self._run([self._page_call(owner_id, below, limit, renewal)]))[0]
        else:  # the most frequent read of all: the mark and the ids in one plain command, a third of a script's cost
            reply = await self._command("ZRANGE", self._key(owner_id), 0, limit)
        return _stretch(reply, limit)

    async def pages(self, owner_ids: Collection[int], *, below: int, limit: int) -> dict[int, Stretch]:
        calls = [self._page_call(owner_id, below, limit, self._renewal(owner_id)) for owner_id in owner_ids]
        replies = await self._run(calls)
        stretches = {owner: _stretch(reply, limit) for owner, reply in zip(owner_ids, replies, strict=True)}
        return {owner: stretch for owner, stretch in stretches.items() if stretch is not None}

    async def contents(self, owner_id: int) -> Stretch | None:
        reply = await self._command("ZRANGE", self._key(owner_id), 0, -1)
        floor = floor_of(reply[0]) if reply else None
        return None if floor is None else Stretch([id_of(entry) for entry in reply[1:]], floor)

    async def some_owner(self) -> int | None:
        cursor: int = secrets.randbits(32)  # any number is a place to begin at
        owners: list[int] = []
        has_turned = False
        for _ in range(MOST_LOOKS):
            reply, keys = await self._command("SCAN", cursor, "MATCH", f"{self._prefix}*", "COUNT", KEYS_PER_LOOK)
            owners += (int(found[1]) for key in keys if (found := _OWNER.search(key)))
            cursor = int(reply)
            # What begins near the end looks at the beginning too: few looks begin before what lies there.
            if cursor or has_turned:
                if owners or not cursor:
                    break
            else:
                has_turned = True
        return secrets.choice(owners) if owners else None

    async def push(self, tweet_id: int, owner_ids: Collection[int]) -> int:
        arguments = (member(tweet_id), self._limits.capacity, self._limits.slack)
        calls = [call for call, _ in self._calls("push", owner_ids, arguments, KEYS_PER_CALL)]
        return sum(await self._run(calls))

    async def merge(
        self, tweet_ids: Collection[int], owner_ids: Collection[int], *, complete_from: int
    ) -> frozenset[int]:
        ids = [member(tweet_id) for tweet_id in tweet_ids]
        arguments: Sequence[str | int] = (member(complete_from), self._limits.capacity, self._limits.slack, *ids)
        calls = self._calls("merge", owner_ids, arguments, max(1, ADDITIONS_PER_CALL // max(1, len(ids))))
        replies = await self._run([call for call, _ in calls])
        return frozenset(
            owners[position - 1] for (_, owners), reply in zip(calls, replies, strict=True) for position in reply
        )

    async def unmerge(self, tweet_ids: Collection[int], owner_id: int) -> bool:
        ids = [member(tweet_id) for tweet_id in tweet_ids]
        batches = [ids[start : start + IDS_PER_REMOVAL] for start in range(0, max(1, len(ids)), IDS_PER_REMOVAL)]
        replies = await self._run([Call("unmerge", (self._key(owner_id),), batch) for batch in batches])
        return all(replies)

    async def remove(self, tweet_ids: Collection[int], owner_id: int) -> None:
        if tweet_ids:
            await self._command("ZREM", self._key(owner_id), *(member(tweet_id) for tweet_id in tweet_ids))

    async def drop(self, owner_id: int) -> None:
        await self._command("UNLINK", self._key(owner_id))

    async def begin_build(self, owner_id: int) -> str | None:
        generation = secrets.token_hex(8)  # never one that was used before, also not after Redis forgot everything
        arguments = (generation, _ms(self._limits.build_expires), _ms(self._limits.build_taken_over))
        begun = await self._run([Call("begin_build", (self._key(owner_id),), arguments)])
        return generation if begun[0] else None

    async def finish_build(self, owner_id: int, generation: str, tweet_ids: Sequence[int], *, floor: int) -> bool:
        limits = self._limits
        arguments = (generation, member(floor), _ms(limits.expires), limits.capacity, limits.slack)
        ids = [member(tweet_id) for tweet_id in tweet_ids]
        finished = await self._run([Call("finish_build", (self._key(owner_id),), (*arguments, *ids))])
        return bool(finished[0])

    def _key(self, owner_id: int) -> str:
        return self._key_of(owner_id)[1]

    def _page_call(self, owner_id: int, below: int, limit: int, renewal_ms: int) -> Call:
        bound = f"({member(below)}" if below else NEWEST
        return Call("page", (self._key(owner_id),), (bound, limit, renewal_ms))

    def _renewal(self, owner_id: int) -> int:
        """The expiry in milliseconds that this read should set; 0 when it was set lately."""
        now = self._clock.monotonic()
        if now - self._renewed.get(owner_id, -RENEWED_EVERY.total_seconds()) < RENEWED_EVERY.total_seconds():
            return 0
        if len(self._renewed) >= RENEWALS_REMEMBERED:
            self._renewed.clear()
        self._renewed[owner_id] = now
        return _ms(self._limits.expires)

    def _calls(
        self, script: ScriptName, owner_ids: Collection[int], arguments: Sequence[str | int], keys_per_call: int
    ) -> list[tuple[Call, list[int]]]:
        """One call for all owners of a hash tag, or several of at most `keys_per_call`; each with its owners."""
        by_tag: defaultdict[int, tuple[list[int], list[str]]] = defaultdict(lambda: ([], []))
        for owner_id in owner_ids:
            tag, key = self._key_of(owner_id)
            owners, keys = by_tag[tag]
            owners.append(owner_id)
            keys.append(key)
        return [
            (Call(script, keys[start : start + keys_per_call], arguments), owners[start : start + keys_per_call])
            for owners, keys in by_tag.values()
            for start in range(0, len(keys), keys_per_call)
        ]

    async def _run(self, calls: Sequence[Call]) -> list[Any]:
        if not calls:
            return []
        try:
            return await self._scripts.run(self._redis, calls)
        except RedisError as error:
            raise Unavailable.backend("Redis") from error

    async def _command(self, *command: str | int) -> Any:  # noqa: ANN401 - whatever Redis answers to it
        try:
            return await self._redis.execute_command(*command)
        except RedisError as error:
            raise Unavailable.backend("Redis") from error


def _stretch(reply: list[bytes], limit: int) -> Stretch | None:
    floor = floor_of(reply[0]) if reply else None
    if floor is None:
        return None
    ids = [id_of(entry) for entry in reply[1:]]
    return Stretch(ids, ids[-1] if len(ids) == limit else floor)


def _ms(duration: timedelta) -> int:
    return int(duration / timedelta(milliseconds=1))
