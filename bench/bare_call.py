"""The yardstick of the machine: one bare grpcio.aio unary call between two processes, 32 in flight, CPU of both."""

from __future__ import annotations

import asyncio
import os
import sys

import grpc

from bench.cpu import cpu_seconds

IN_FLIGHT = 32
METHOD = "/bench.Bare/Echo"


async def _echo(request: bytes, _context: object) -> bytes:
    return request


async def _serve() -> None:
    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(_echo)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Bare", {"Echo": handler}),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    # The parent closes our standard input when it has finished.
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


async def measure_bare_call(calls: int = 20_000) -> float:
    """CPU milliseconds of client and server for one call, over `calls` of them."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.bare_call", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdin is not None
    port = int(await child.stdout.readline())
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)

        async def caller(count: int) -> None:
            for _ in range(count):
                await call(b"twenty bytes of echo", timeout=10)

        await caller(200)
        before = cpu_seconds(os.getpid()) + cpu_seconds(child.pid)
        await asyncio.gather(*(caller(calls // IN_FLIGHT) for _ in range(IN_FLIGHT)))
        used = cpu_seconds(os.getpid()) + cpu_seconds(child.pid) - before
    child.stdin.close()
    await child.wait()
    return 1000 * used / (calls // IN_FLIGHT * IN_FLIGHT)


if __name__ == "__main__":
    asyncio.run(_serve())
