"""A server that stands still with its connection open: its calls end at their deadlines, later ones go elsewhere."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from mesh.calls.target import CallTarget
from mesh.clock import SystemClock
from tests.support.call_streams import ECHO, WAIT, a_process, nothing_left
from tests.support.free_ports import free_row
from tests.support.wait_until import wait_until

CALL_SECONDS = 0.5
FROZEN_SECONDS = 5.0
NOTICED_SECONDS = 4.0
ROUND_ROBIN = [("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]}))]


@asynccontextmanager
async def calls_to(*ports: int) -> AsyncIterator[CallTarget]:
    """With a stream to each that is taken."""
    target = f"ipv4:{','.join(f'127.0.0.1:{port}' for port in ports)}"
    async with grpc.aio.insecure_channel(target, options=ROUND_ROBIN) as channel:
        calls = CallTarget(channel, target)
        try:
            await wait_until(lambda: has_all(calls))
            await wait_until(lambda: connected_ports() >= set(ports))
            for stream in calls._streams:  # those that were opened before may all go to one server
                assert stream is not None
                stream.retire()
            await wait_until(lambda: has_all(calls))
            yield calls
        finally:
            await calls.close()


def connected_ports() -> set[int]:
    """Ports that somebody has an established connection to: proc(5), /proc/net/tcp."""
    tables = [Path("/proc/net", name).read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    return {int(row[2].partition(":")[2], 16) for row in rows if row[3] == "01"}


async def is_up(port: int) -> None:
    """Returns when the process answers: streams that are opened earlier all go to the other."""
    async with calls_to(port):
        return


async def has_all(calls: CallTarget) -> bool:
    """Whether a call is answered, and all streams are taken."""
    return await is_answered(calls) and all(each and each.is_taken and each.is_open for each in calls._streams)


async def is_answered(calls: CallTarget) -> bool:
    try:
        await calls.call(ECHO, b"", seconds=CALL_SECONDS, metadata=())
    except grpc.aio.AioRpcError:
        return False
    return True


async def test_one_that_stands_still_is_left_within_seconds_and_taken_again_when_it_goes_on() -> None:
    clock, port = SystemClock(), free_row(2)
    async with a_process(port) as frozen, a_process(port + 1), nothing_left():
        await asyncio.gather(is_up(port), is_up(port + 1))
        async with calls_to(port, port + 1) as calls:
            frozen.send_signal(signal.SIGSTOP)
            began, failures = clock.monotonic(), [0.0]
            while (now := clock.monotonic()) < began + FROZEN_SECONDS:
                if not await is_answered(calls):
                    failures.append(now - began)
                await asyncio.sleep(0.01)
            frozen.send_signal(signal.SIGCONT)
            assert 0 < failures[-1] < NOTICED_SECONDS, failures
            await wait_until(lambda: has_all(calls))
            assert all([await is_answered(calls) for _ in range(20)])


async def test_a_single_server_is_asked_however_long_it_is_silent() -> None:
    port = free_row(1)
    async with a_process(port), nothing_left(), calls_to(port) as calls:
        [stream] = calls._streams
        assert stream is not None
        waiting = asyncio.gather(calls.call(WAIT, b"", seconds=30, metadata=()))
        await wait_until(lambda: stream.is_silent)
        assert await is_answered(calls)
        assert calls._streams == [stream]
        waiting.cancel()
