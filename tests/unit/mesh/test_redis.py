"""Redis is asked once, quickly, and in bytes; its absence shows in the first command and not at the start."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from mesh.storage.redis import MOST_CONNECTIONS, open_redis
from tests.support.servers import free_port, start_redis
from tests.support.wait_until import wait_until


async def test_values_are_bytes(redis: Redis) -> None:
    await redis.set("key", "värde")
    assert await redis.get("key") == "värde".encode()


async def test_a_redis_that_is_away_fails_the_first_command_and_not_the_start() -> None:
    async with open_redis(f"redis://127.0.0.1:{free_port()}/0") as redis:
        with pytest.raises(RedisConnectionError):
            await redis.get("key")


async def test_a_url_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="redis://"):
        async with open_redis("http://127.0.0.1:1"):
            pass


async def test_a_command_that_times_out_was_sent_once(tmp_path: Path) -> None:
    with start_redis(tmp_path / "redis") as server:
        async with open_redis(server.url) as redis:
            await redis.set("count", 0)
            assert server.pid is not None
            os.kill(server.pid, signal.SIGSTOP)
            try:
                with pytest.raises(RedisTimeoutError):
                    await redis.incr("count")
            finally:
                os.kill(server.pid, signal.SIGCONT)
            await wait_until(lambda: is_one(redis))
            assert await redis.incr("count") == 2


async def is_one(redis: Redis) -> bool:
    try:
        return bool(await redis.get("count") == b"1")
    except RedisError:
        return False


@pytest.fixture
async def patient_redis(redis_url: str) -> AsyncIterator[Redis]:
    """For what opens many connections at once, on a machine with other work."""
    async with open_redis(redis_url, at_most=timedelta(seconds=10)) as client:
        yield client


async def test_more_commands_than_connections_wait_for_their_turn(patient_redis: Redis) -> None:
    redis = patient_redis
    answers = await asyncio.gather(*(redis.incr("count") for _ in range(MOST_CONNECTIONS * 2)))
    assert sorted(answers) == list(range(1, MOST_CONNECTIONS * 2 + 1))


async def test_cancelled_commands_mix_up_no_answers(patient_redis: Redis) -> None:
    redis = patient_redis
    await redis.mset({f"key{number}": number for number in range(8)})

    async def read(number: int) -> None:
        assert await redis.get(f"key{number}") == b"%d" % number

    for turns in range(20):
        doomed = [asyncio.ensure_future(read(number)) for number in range(8)]  # noqa: TID251 - awaited below
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in doomed:
            task.cancel()
        outcomes = await asyncio.gather(*doomed, return_exceptions=True)
        assert not [outcome for outcome in outcomes if isinstance(outcome, AssertionError)]
        await asyncio.gather(*(read(number) for number in range(8)))


async def test_a_redis_that_comes_back_is_used_again(tmp_path: Path) -> None:
    with start_redis(tmp_path / "redis") as server:
        async with open_redis(server.url) as redis:
            await redis.set("key", 1)
            server.kill()
            with pytest.raises(RedisError):
                await redis.get("key")
            server.start()
            assert await redis.get("key") is None
