"""Many questions over one connection: each gets its own answer, or a failure, whatever happens to the others."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from datetime import timedelta
from pathlib import Path

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoScriptError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from mesh.clock import SystemClock
from mesh.storage.redis_pipeline import SILENCE, PipelinedRedis, open_redis_pipeline
from tests.support.servers import free_port, start_redis
from tests.support.wait_until import wait_until


async def test_answers_are_bytes_numbers_lists_and_none(redis: Redis, redis_url: str) -> None:
    await redis.set("a", "värde")
    async with open_redis_pipeline(redis_url) as pipeline:
        assert await pipeline.execute_command("MGET", "a", b"b") == ["värde".encode(), None]
        assert await pipeline.execute_command("STRLEN", "a") == 6
        assert await pipeline.execute_command("ZRANGE", "none", 0, -1) == []


async def test_everybody_gets_the_answer_to_their_own_question_also_when_others_give_up(
    redis: Redis, redis_url: str
) -> None:
    await redis.mset({f"key:{number}": number for number in range(500)})
    chance = random.Random(5)
    async with open_redis_pipeline(redis_url) as pipeline:

        async def ask(number: int) -> bool:
            return bool(await pipeline.execute_command("GET", f"key:{number}") == str(number).encode())

        for _ in range(20):
            asked = [asyncio.ensure_future(ask(number)) for number in range(500)]  # noqa: TID251 - awaited below
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            given_up = set(chance.sample(asked, 50))
            for task in given_up:
                task.cancel()
            answers = await asyncio.gather(*asked, return_exceptions=True)
            assert all(
                answer is True
                for task, answer in zip(asked, answers, strict=True)
                if task not in given_up or not isinstance(answer, asyncio.CancelledError)
            )


async def test_a_mistake_fails_its_own_question_only(redis: Redis, redis_url: str) -> None:
    await redis.set("text", "no set")
    async with open_redis_pipeline(redis_url) as pipeline:
        mistake = pipeline.execute_command("ZRANGE", "text", 0, -1)
        answers = await asyncio.gather(mistake, pipeline.execute_command("GET", "text"), return_exceptions=True)
    assert isinstance(answers[0], ResponseError)
    assert answers[1] == b"no set"


async def test_a_redis_that_is_away_fails_the_question_and_not_the_start() -> None:
    async with open_redis_pipeline(f"redis://127.0.0.1:{free_port()}/0") as pipeline:
        with pytest.raises(RedisConnectionError):
            await pipeline.execute_command("GET", "a")


async def test_a_frozen_redis_fails_every_question_and_late_answers_reach_nobody(tmp_path: Path) -> None:
    with start_redis(tmp_path / "redis") as server:
        async with open_redis_pipeline(server.url) as pipeline:
            await pipeline.execute_command("SET", "a", 1)
            await pipeline.execute_command("SET", "b", 2)
            assert server.pid is not None
            os.kill(server.pid, signal.SIGSTOP)
            try:
                questions = (pipeline.execute_command("GET", "a") for _ in range(5))
                failures = await asyncio.gather(*questions, return_exceptions=True)
            finally:
                os.kill(server.pid, signal.SIGCONT)
            assert {type(failure) for failure in failures} == {RedisTimeoutError}
            await wait_until(lambda: _says(pipeline, b"2"))


async def test_of_many_who_ask_a_frozen_redis_nobody_waits_for_the_attempts_of_others(tmp_path: Path) -> None:
    with start_redis(tmp_path / "redis") as server:
        async with open_redis_pipeline(server.url, at_most=timedelta(seconds=0.3)) as pipeline:
            await pipeline.execute_command("SET", "b", 2)
            assert server.pid is not None
            clock = SystemClock()
            os.kill(server.pid, signal.SIGSTOP)
            try:
                began = clock.monotonic()
                for _ in range(3):  # on the connection, and twice without one
                    questions = (pipeline.execute_command("GET", "b") for _ in range(50))
                    failures = await asyncio.gather(*questions, return_exceptions=True)
                    assert {type(failure) for failure in failures} == {RedisTimeoutError}
                assert clock.monotonic() - began < 3
                await asyncio.sleep(SILENCE.total_seconds())
                began = clock.monotonic()
                questions = (pipeline.execute_command("GET", "b") for _ in range(50))
                await asyncio.gather(*questions, return_exceptions=True)
                assert 0.25 < clock.monotonic() - began < 3, "one of them tried, and the others did not try again"
            finally:
                os.kill(server.pid, signal.SIGCONT)
            await wait_until(lambda: _says(pipeline, b"2"))


async def test_a_redis_that_was_started_again_is_found(tmp_path: Path) -> None:
    with start_redis(tmp_path / "redis") as server:
        async with open_redis_pipeline(server.url) as pipeline:
            await pipeline.execute_command("PING")
            server.kill()
            with pytest.raises(RedisError):
                await pipeline.execute_command("PING")
            server.start()
            await pipeline.execute_command("SET", "b", 2)
            assert await pipeline.execute_command("GET", "b") == b"2"


def test_it_works_on_the_loop_that_services_run_on(redis_url: str) -> None:
    async def exchange() -> object:
        async with open_redis_pipeline(redis_url) as pipeline:
            return await pipeline.execute_command("PING")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(exchange()) == b"PONG"


async def test_a_script_that_redis_forgot_is_said_as_such(redis_url: str) -> None:
    async with open_redis_pipeline(redis_url) as pipeline:
        with pytest.raises(NoScriptError):
            await pipeline.execute_command("EVALSHA", "0" * 40, 0)


async def test_a_redis_that_is_busy_but_answers_is_not_taken_for_a_frozen_one(redis_url: str) -> None:
    # Each of these takes Redis some 20 ms; the last is answered long after the patience with the first is over. Redis
    # takes 16 KiB from a client, answers what is in it, and goes on: as long as that, each gets an answer of its own.
    padding = "-" * 16_384
    busy = "local sum = 0 for i = 1, 1500000 do sum = sum + i end return 1"
    async with open_redis_pipeline(redis_url, at_most=timedelta(seconds=0.3)) as pipeline:
        answers = await asyncio.gather(*(pipeline.execute_command("EVAL", busy, 1, padding) for _ in range(40)))
    assert answers == [1] * 40


async def test_the_password_and_the_database_of_the_url_are_used(redis: Redis, redis_url: str) -> None:
    await redis.config_set("requirepass", "a pass/word")
    try:
        with_password = redis_url.replace("redis://", "redis://:a%20pass%2Fword@").removesuffix("/0") + "/1"
        async with open_redis_pipeline(with_password) as pipeline:
            await pipeline.execute_command("SET", "where", "one")
            assert await pipeline.execute_command("GET", "where") == b"one"
        async with open_redis_pipeline(redis_url) as pipeline:
            with pytest.raises((ResponseError, AuthenticationError)):
                await pipeline.execute_command("GET", "where")
        async with open_redis_pipeline(redis_url.replace("redis://", "redis://:wrong@")) as pipeline:
            with pytest.raises(ResponseError):
                await pipeline.execute_command("GET", "where")
    finally:
        await redis.config_set("requirepass", "")
    assert await redis.get("where") is None


async def _says(pipeline: PipelinedRedis, expected: bytes) -> bool:
    try:
        return bool(await pipeline.execute_command("GET", "b") == expected)
    except RedisError:
        return False
