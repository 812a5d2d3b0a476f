"""Who does not read holds up the service, and fills no memory of the edge; a process that ends, ends its streams."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.services.edge_proxy.edge_process import EdgeProcess, edge_process
from tests.services.edge_proxy.raw_http import PATIENCE, conversation
from tests.services.edge_proxy.stand_in import StandIn
from tests.support.wait_until import wait_until

SERVICE = "feed.v1.Feed"
WATCH = b"GET /v1/feed:watch HTTP/1.1\r\nHost: x\r\n\r\n"
MESSAGE_BYTES = 16 * 1024
MIB = 1024 * 1024


@pytest.fixture
async def process(feed: StandIn, feed_file: Path) -> AsyncIterator[EdgeProcess]:
    flags = (
        "--descriptors",
        str(feed_file),
        "--upstream",
        f"{SERVICE}=127.0.0.1:{feed.port}",
        "--reader-seconds",
        "20",
    )
    async with edge_process(*flags, "--log-level", "debug") as edge:
        yield edge


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096


def stands_still(count: Callable[[], int], *, seconds: float) -> Callable[[], bool]:
    """Whether a count that has begun has not changed for a while."""
    loop = asyncio.get_running_loop()
    last, since = count(), loop.time()

    def condition() -> bool:
        nonlocal last, since
        if count() != last:
            last, since = count(), loop.time()
        return last > 0 and loop.time() - since > seconds

    return condition


async def test_a_client_that_does_not_read_holds_up_the_service(process: EdgeProcess, feed: StandIn) -> None:
    sent = 0

    async def behaviour(_request: Any, _call: Any) -> AsyncIterator[Any]:
        nonlocal sent
        while True:
            yield feed.response("Watch", text="x" * MESSAGE_BYTES)
            sent += 1

    feed.behaviours["Watch"] = behaviour
    loop = asyncio.get_running_loop()
    before = resident(process.process.pid)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", process.port))
        await loop.sock_sendall(client, WATCH)
        await wait_until(stands_still(lambda: sent, seconds=1.0), at_most=PATIENCE)
        stalled_at = sent
        # Most of it is in the socket to the client.
        assert stalled_at * MESSAGE_BYTES < 6 * MIB
        assert resident(process.process.pid) - before < 12 * MIB
        # Once it reads, everything goes on.
        while sent < stalled_at + 200:
            assert await asyncio.wait_for(loop.sock_recv(client, MIB), PATIENCE)


async def test_a_client_that_never_reads_is_left_and_the_call_ends(feed: StandIn, feed_file: Path) -> None:
    ended = asyncio.Event()

    async def behaviour(_request: Any, _call: Any) -> AsyncIterator[Any]:
        try:
            while True:
                yield feed.response("Watch", text="x" * MESSAGE_BYTES)
        finally:
            ended.set()

    feed.behaviours["Watch"] = behaviour
    flags = ("--descriptors", str(feed_file), "--upstream", f"{SERVICE}=127.0.0.1:{feed.port}", "--reader-seconds", "1")
    loop = asyncio.get_running_loop()
    async with edge_process(*flags) as edge:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", edge.port))
            await loop.sock_sendall(client, WATCH)
            await asyncio.wait_for(ended.wait(), PATIENCE)


async def test_streams_end_with_the_process_each_in_its_way(process: EdgeProcess, feed: StandIn) -> None:
    begun = 0

    async def behaviour(_request: Any, _call: Any) -> AsyncIterator[Any]:
        nonlocal begun
        yield feed.response("Watch", sort_id=1)
        begun += 1
        await asyncio.Event().wait()

    feed.behaviours["Watch"] = behaviour

    async def received(accept: str) -> bytes:
        async with conversation(process.port) as client:
            await client.ask("/v1/feed:watch", f"Accept: {accept}")
            return await (client.rest_of_cut() if accept == "application/json" else client.rest())

    kinds = ("text/event-stream", "application/x-ndjson", "application/json")
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(received(accept)) for accept in kinds]
        await wait_until(lambda: begun == 3)
        process.process.terminate()
    events, lines, array = (task.result() for task in asked)
    assert b"error" not in events
    assert events.endswith(b"\n\n")
    assert json.loads(lines.splitlines()[1])["error"]["code"] == 503
    assert array.startswith(b"[{")
    assert await process.ended() == 0
    assert not [line for line in process.lines if line["level"] in {"error", "critical"}]
    access = [line for line in process.lines if line["message"] == "http"]
    assert sorted(line["code"] for line in access) == ["OK", "UNAVAILABLE", "UNAVAILABLE"]
    assert {line["messages"] for line in access} == {1}
