"""What carrying calls over a stream saves: one unary call of 20 bytes between two processes, alone and carried.

Run as `python -m bench.call_stream`: CPU of both processes for each call, in turn, at 1, 8 and 32 in flight.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import Awaitable, Callable
from functools import partial

import grpc

from bench.bare_call import METHOD
from bench.cpu import cpu_seconds
from mesh.calls.answering import CallStreams
from mesh.calls.target import CallTarget
from mesh.interceptors.incoming import CallContext

BODY = b"twenty bytes of echo"
SECONDS = 10.0


def main() -> None:
    """Parse the flags and run."""
    parser = argparse.ArgumentParser(prog="python -m bench.call_stream", description=__doc__)
    parser.add_argument("--calls", type=int, default=6400, help="calls in each round (default 6400)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each kind (default 3)")
    parser.add_argument("--serve", action="store_true", help="be the other process")
    flags = parser.parse_args()
    asyncio.run(_serve() if flags.serve else _compare(flags.calls, flags.rounds))


async def _echo(request: bytes, _: CallContext) -> bytes:
    return request


async def _serve() -> None:
    server = grpc.aio.server()
    alone: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(_echo)
    service, _, name = METHOD[1:].partition("/")
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {name: alone}), CallStreams({METHOD: _echo}).handler())
    )
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    # The parent closes our standard input when it has finished.
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


async def _compare(calls: int, rounds: int) -> None:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.call_stream", "--serve"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdin is not None
    address = f"ipv4:127.0.0.1:{int(await child.stdout.readline())}"
    async with grpc.aio.insecure_channel(address) as channel:
        alone: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        carried = CallTarget(channel, address)
        kinds: dict[str, Callable[[], Awaitable[object]]] = {
            "alone": partial(alone, BODY, timeout=SECONDS),
            "carried": partial(carried.call, METHOD, BODY, seconds=SECONDS, metadata=()),
        }
        for in_flight in (1, 8, 32):
            spent: dict[str, list[float]] = {kind: [] for kind in kinds}
            for _ in range(rounds):
                for kind, call in kinds.items():
                    spent[kind].append(
                        await _cpu_us(call, calls // 4 if in_flight == 1 else calls, in_flight, child.pid)
                    )
            one, other = (statistics.median(spent[kind]) for kind in ("alone", "carried"))
            print(
                f"{in_flight:3} in flight: alone {one:6.1f} us, carried {other:6.1f} us, {one / other:.1f} times less"
            )
        await carried.close()
    child.stdin.close()
    await child.wait()


async def _cpu_us(call: Callable[[], Awaitable[object]], calls: int, in_flight: int, pid: int) -> float:
    """CPU microseconds of both processes for one call."""

    async def caller() -> None:
        for _ in range(calls // in_flight):
            await call()

    before = cpu_seconds(os.getpid()) + cpu_seconds(pid)
    await asyncio.gather(*(caller() for _ in range(in_flight)))
    used = cpu_seconds(os.getpid()) + cpu_seconds(pid) - before
    return 1e6 * used / (calls // in_flight * in_flight)


if __name__ == "__main__":
    main()
