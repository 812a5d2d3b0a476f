"""A process of the mesh whose neighbours hang up: `python -m tests.services.mesh.hung_up_on KEY SECONDS PORT PORT...`.

It calls three services at each port for so long, with tokens signed with the key in that file, and says "done" then.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from aviary.graph.internal.v1.graph_internal_service_pb2 import GetReadContextRequest
from aviary.graph.internal.v1.graph_internal_service_pb2_grpc import GraphInternalServiceStub
from mesh.clock import SystemClock
from mesh.errors import DeadlineExceeded, Unavailable
from mesh.grpc_client import Channels
from mesh.metrics import Metrics
from mesh.signing import ServiceTokens

SERVICES_EACH = 3


async def _call(key: Path, seconds: float, ports: list[str]) -> None:
    clock = SystemClock()
    over = clock.monotonic() + seconds
    names = {f"{port}/{number}": f"127.0.0.1:{port}" for port in ports for number in range(SERVICES_EACH)}
    channels = Channels("timeline_svc", names, tokens=ServiceTokens("timeline_svc", key, clock), metrics=Metrics())

    async def keep_calling(name: str) -> None:
        graph = GraphInternalServiceStub(channels.to(name))
        while clock.monotonic() < over:
            with suppress(Unavailable, DeadlineExceeded):
                await graph.GetReadContext(GetReadContextRequest(viewer_user_id=1), timeout=1)
            await asyncio.sleep(0.02)

    await asyncio.gather(*map(keep_calling, names))
    await channels.close()


if __name__ == "__main__":
    asyncio.run(_call(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
    sys.stdout.write("done")
