"""How the supervisor learns that a process is ready for work: it asks, as a user of the process would."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import grpc

from dev_mesh.http_client import NoAnswer, open_http

PATIENCE = timedelta(seconds=2)
# A HealthCheckResponse whose status (field 1) is SERVING (1).
SERVING = b"\x08\x01"


async def http_answers(base_url: str, target: str) -> bool:
    """Whether GET answers 200."""
    async with open_http(base_url, patience=PATIENCE) as client:
        try:
            return (await client.request("GET", target)).status == 200
        except NoAnswer:
            return False


async def grpc_serves(address: str) -> bool:
    """Whether the standard health check of a server says SERVING."""
    if not await tcp_accepts(address):
        return False
    async with grpc.aio.insecure_channel(f"ipv4:{address}") as channel:
        check: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/grpc.health.v1.Health/Check")
        try:
            return bool(await check(b"", timeout=PATIENCE.total_seconds()) == SERVING)
        except grpc.aio.AioRpcError:
            return False


async def redis_answers(address: str, password: str) -> bool:
    """Whether it takes the password and has read its file."""
    host, port = address.split(":")
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE.total_seconds()):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(f"AUTH {password}\r\nPING\r\n".encode())
                return await reader.readline() == b"+OK\r\n" and await reader.readline() == b"+PONG\r\n"
            finally:
                writer.close()
    return False


async def tcp_accepts(address: str) -> bool:
    """Whether somebody listens."""
    host, port = address.split(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True
