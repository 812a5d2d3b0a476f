"""What the records of fan-outs promise, on every backend."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mesh.errors import Unavailable
from mesh.storage.redis_pipeline import PipelinedRedis, open_redis_pipeline
from timeline_svc.model import AuthorClass, FanoutRecord, LinkOutcome
from timeline_svc.store import FanoutRecords
from timeline_svc.store.memory import MemoryFanoutRecords
from timeline_svc.store.redis import RedisFanoutRecords, Scripts, script_texts

TWEET = 1_900_000_000_000_000_000
FIRST = LinkOutcome(50, 8, 2, at_us=100, recipients_count=31, author_class=AuthorClass.BOTH)
LAST = LinkOutcome(0, 9, 1, at_us=300)
DAY = timedelta(days=1)


@pytest.fixture(params=["memory", "redis"])
def records(request: pytest.FixtureRequest) -> FanoutRecords:
    if request.param == "memory":
        return MemoryFanoutRecords()
    pipeline: PipelinedRedis = request.getfixturevalue("pipeline")
    return in_redis(pipeline)


def in_redis(pipeline: PipelinedRedis, kept_for: timedelta = DAY) -> FanoutRecords:
    return RedisFanoutRecords(pipeline, scripts=Scripts(script_texts()), kept_for=kept_for)


async def test_nothing_is_kept_of_a_tweet_that_was_never_recorded(records: FanoutRecords) -> None:
    assert await records.find(TWEET) is None


async def test_every_link_is_kept_as_it_was(records: FanoutRecords) -> None:
    await records.record(TWEET, 0, FIRST)
    await records.record(TWEET, 50, LAST)
    await records.record(TWEET + 1, 0, LAST)
    assert await records.find(TWEET) == FanoutRecord({0: FIRST, 50: LAST})


async def test_a_repeat_replaces_the_link_and_keeps_the_time_of_the_first_run(records: FanoutRecords) -> None:
    await records.record(TWEET, 0, FIRST)
    again = replace(FIRST, delivered_count=7, skipped_count=3, at_us=900)
    for _ in range(3):
        await records.record(TWEET, 0, again)
    assert await records.find(TWEET) == FanoutRecord({0: replace(again, at_us=100)})


async def test_what_was_given_up_says_why_until_it_begins_again(records: FanoutRecords) -> None:
    await records.record(TWEET, 0, FIRST)
    await records.give_up(TWEET, "ValueError: a reason, with spaces")
    await records.record(TWEET, 50, LAST)
    assert await records.find(TWEET) == FanoutRecord({0: FIRST, 50: LAST}, "ValueError: a reason, with spaces")
    await records.record(TWEET, 0, FIRST)
    assert await records.find(TWEET) == FanoutRecord({0: FIRST, 50: LAST})


async def test_a_fan_out_can_be_given_up_before_its_first_link(records: FanoutRecords) -> None:
    await records.give_up(TWEET, "no")
    assert await records.find(TWEET) == FanoutRecord({}, "no")


async def test_redis_forgets_it_after_the_time_that_it_was_told(pipeline: PipelinedRedis) -> None:
    records = in_redis(pipeline)
    await records.give_up(TWEET, "no")
    await records.record(TWEET + 1, 50, LAST)
    for tweet_id in (TWEET, TWEET + 1):
        left_ms = await pipeline.execute_command("PTTL", f"fanout:{tweet_id}")
        assert 23 * 3_600_000 < left_ms <= 24 * 3_600_000


async def test_without_any_time_nothing_is_written(pipeline: PipelinedRedis) -> None:
    records = in_redis(pipeline, timedelta())
    await records.record(TWEET, 0, FIRST)
    await records.give_up(TWEET, "no")
    assert await pipeline.execute_command("DBSIZE") == 0


async def test_without_redis_it_says_so() -> None:
    async with open_redis_pipeline("redis://127.0.0.1:1/0") as nowhere:
        records = in_redis(nowhere)
        with pytest.raises(Unavailable):
            await records.find(TWEET)
        with pytest.raises(Unavailable):
            await records.record(TWEET, 0, FIRST)
