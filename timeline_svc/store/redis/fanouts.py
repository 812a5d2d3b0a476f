"""What became of fan-outs, as Redis hashes: a field for each link, so that a link that is repeated does not add."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from redis.exceptions import RedisError

from mesh.errors import Unavailable
from mesh.storage.redis_pipeline import PipelinedRedis
from timeline_svc.model import AuthorClass, FanoutRecord, LinkOutcome
from timeline_svc.store.interface import FanoutRecords
from timeline_svc.store.redis.scripts import Call, Scripts

_DEAD = "dead"


class RedisFanoutRecords(FanoutRecords):
    """`fanout:<tweet>`, kept for `kept_for` after its last change; without any time nothing is written at all."""

    def __init__(self, redis: PipelinedRedis, *, scripts: Scripts, kept_for: timedelta) -> None:
        self._redis = redis
        self._scripts = scripts
        self._kept_ms = int(kept_for / timedelta(milliseconds=1))

    async def record(self, tweet_id: int, after_edge_id: int, outcome: LinkOutcome) -> None:
        values: list[int | str] = [outcome.next_after_edge_id, outcome.delivered_count, outcome.skipped_count]
        if not after_edge_id:
            values += (outcome.recipients_count, outcome.author_class.value)
        await self._write(tweet_id, str(after_edge_id), outcome.at_us, " ".join(map(str, values)))

    async def give_up(self, tweet_id: int, reason: str) -> None:
        await self._write(tweet_id, _DEAD, 0, reason)

    async def find(self, tweet_id: int) -> FanoutRecord | None:
        try:
            reply = await self._redis.execute_command("HGETALL", _key(tweet_id))
        except RedisError as error:
            raise Unavailable.backend("Redis") from error
        if not reply:
            return None
        fields = {name.decode(): value.decode() for name, value in zip(reply[::2], reply[1::2], strict=True)}
        _, _, dead_reason = fields.pop(_DEAD, "").partition(" ")
        return FanoutRecord({int(after): _outcome(value) for after, value in fields.items()}, dead_reason)

    async def _write(self, tweet_id: int, field: str, at_us: int, value: str) -> None:
        if not self._kept_ms:
            return
        call = Call("record", (_key(tweet_id),), (field, at_us, value, self._kept_ms))
        try:
            await self._scripts.run(self._redis, [call])
        except RedisError as error:
            raise Unavailable.backend("Redis") from error


def _key(tweet_id: int) -> str:
    return f"fanout:{tweet_id}"


def _outcome(value: str) -> LinkOutcome:
    at_us, next_after, delivered, skipped, *first = value.split(" ")
    outcome = LinkOutcome(int(next_after), int(delivered), int(skipped), int(at_us))
    if not first:
        return outcome
    recipients, author_class = first
    return replace(outcome, recipients_count=int(recipients), author_class=AuthorClass(author_class))
