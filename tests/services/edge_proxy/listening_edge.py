"""An edge in this process behind real sockets: its connections are those of the process, the rest is not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from edge_proxy.app import EdgeApp
from edge_proxy.config import EdgeConfig
from edge_proxy.connection import connections
from edge_proxy.edge import open_edge
from edge_proxy.metrics import EdgeMetrics
from edge_proxy.server import KEEP_ALIVE_SECONDS


@dataclass(frozen=True)
class ListeningEdge:
    port: int
    app: EdgeApp
    metrics: EdgeMetrics
    state: ServerState

    def open_connections(self) -> list[object]:
        return list(self.state.connections)

    def count(self, name: str, **labels: str) -> float:
        """A figure of the metrics; 0 when nothing was counted."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def listening(config: EdgeConfig) -> AsyncIterator[ListeningEdge]:
    metrics = EdgeMetrics()
    async with open_edge(config, metrics=metrics) as app:
        http = Config(
            app,
            http=connections(config.connections),
            ws="none",
            lifespan="off",
            log_config=None,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        http.load()
        state = ServerState()
        made: Any = http.http_protocol_class
        server = await asyncio.get_running_loop().create_server(
            lambda: made(config=http, server_state=state, app_state={}), "127.0.0.1", 0
        )
        try:
            yield ListeningEdge(server.sockets[0].getsockname()[1], app, metrics, state)
        finally:
            server.close()
            for connection in list(state.connections):
                connection.transport.abort()
            await asyncio.gather(*state.tasks)
