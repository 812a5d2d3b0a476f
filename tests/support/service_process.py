"""A service as one process, with nothing else of a mesh: what it writes, and what it answers."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from aviary.tweet.v1.tweet_service_pb2 import GetTweetRequest
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub
from aviary.user.v1.user_service_pb2 import GetUserRequest
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub
from tests.support.free_ports import free_row
from tests.support.keys import write_keys
from tests.support.wait_until import wait_until

ROOT = Path(__file__).parents[2]
SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING


@dataclass
class Running:
    """A process, and every line that it wrote to either output so far."""

    process: Process
    service: str
    channel: grpc.aio.Channel
    lines: list[str] = field(default_factory=list)
    has_read: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def text(self) -> str:
        """Everything that it wrote."""
        return "".join(self.lines)

    def logged(self, message: str) -> list[dict[str, Any]]:
        """The lines of the log with that message."""
        records = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [record for record in records if record["message"] == message]

    async def read(self) -> None:
        """Until the process ends."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode())
        self.has_read.set()

    async def ends(self) -> int:
        """Its exit code."""
        async with asyncio.timeout(20):
            await self.has_read.wait()
            return await self.process.wait()

    async def health(self) -> int | None:
        """What it says of itself; None as long as nobody listens."""
        try:
            answer = await HealthStub(self.channel).Check(HealthCheckRequest(), timeout=5, wait_for_ready=True)
        except grpc.aio.AioRpcError:
            return None
        return int(answer.status)

    async def becomes(self, status: int) -> None:
        """Fails unless its health is soon so."""

        async def is_so() -> bool:
            return await self.health() == status

        await wait_until(is_so, at_most=30)

    async def read_one(self) -> None:
        """A call that needs the store."""
        if self.service == "tweet":
            await TweetServiceStub(self.channel).GetTweet(GetTweetRequest(tweet_id=1), timeout=5)
        else:
            await UserServiceStub(self.channel).GetUser(GetUserRequest(user_id=1), timeout=5)

    async def refusal(self) -> grpc.aio.AioRpcError:
        """How it answers that call."""
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await self.read_one()
        return raised.value


@asynccontextmanager
async def started(folder: Path, service: str, store: str, **environ: str) -> AsyncIterator[Running]:
    """`python -m <service>_svc` on that store URL, and nothing else of a mesh; killed at the end if it still runs."""
    jwks_file, key_file = write_keys(folder)
    port = free_row(1)
    settings = {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}",
        "AVIARY_LISTEN": f"127.0.0.1:{port}",
        "AVIARY_STORE_URL": store,
        "AVIARY_BUS_URL": "nats://127.0.0.1:1",
        "AVIARY_REDIS_URL": "redis://127.0.0.1:1/0",
        "AVIARY_JWKS_FILE": str(jwks_file),
        "AVIARY_SERVICE_KEY_FILE": str(key_file),
        "AVIARY_PAGE_TOKEN_KEY": "a key that is long enough for page tokens",
        **environ,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"{service}_svc", env=settings, cwd=folder, stdout=PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel, asyncio.TaskGroup() as group:
        running = Running(process, service, channel)
        group.create_task(running.read())
        try:
            yield running
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
