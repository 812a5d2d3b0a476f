"""A Redis that took the place of another one is emptied; one that is as it was is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mesh.errors import Unavailable
from mesh.storage.redis_pipeline import open_redis_pipeline
from tests.support.servers import Server, free_port, start_redis
from tests.support.wait_until import wait_until
from timeline_svc.store.redis import Origin


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with start_redis(tmp_path / "first") as started:
        yield started


async def test_what_was_written_on_this_server_stays(server: Server) -> None:
    async with open_redis_pipeline(server.url) as redis:
        await redis.execute_command("SET", "a", 1)
        origin = Origin(redis)
        assert not await origin.look()
        assert not await origin.look()
        assert await redis.execute_command("GET", "a") == b"1"
        await redis.execute_command("FLUSHALL")
        await redis.execute_command("SET", "a", 2)
        assert not await origin.look()
        assert not await origin.look()
        assert await redis.execute_command("GET", "a") == b"2"


async def test_a_promoted_replica_is_emptied_once(server: Server, tmp_path: Path) -> None:
    async with open_redis_pipeline(server.url) as redis:
        await redis.execute_command("SET", "a", 1)
        await Origin(redis).look()
    with start_redis(tmp_path / "replica") as replica:
        await _copy(server, replica)
        async with open_redis_pipeline(replica.url) as redis:
            assert await redis.execute_command("GET", "a") == b"1"
            assert await Origin(redis).look()
            assert await redis.execute_command("GET", "a") is None
            await redis.execute_command("SET", "a", 2)
            assert not await Origin(redis).look()
            assert await redis.execute_command("GET", "a") == b"2"


async def test_a_redis_that_is_away_cannot_be_asked() -> None:
    async with open_redis_pipeline(f"redis://127.0.0.1:{free_port()}/0") as redis:
        with pytest.raises(Unavailable):
            await Origin(redis).look()


async def _copy(server: Server, replica: Server) -> None:
    """All that is on the server, on the replica, which then stands alone."""
    address = urlsplit(server.url)
    async with open_redis_pipeline(replica.url) as redis:
        await redis.execute_command("REPLICAOF", str(address.hostname), str(address.port))

        async def is_there() -> bool:
            return await redis.execute_command("GET", "a") is not None

        await wait_until(is_there)
        await redis.execute_command("REPLICAOF", "NO", "ONE")
