"""The process: its socket, uvicorn around the application, and the drain.

SIGTERM and SIGINT: no new connections, requests in progress get 10 s, then exit 0.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from contextlib import ExitStack
from types import FrameType

import uvicorn
import uvloop

from edge_proxy.app import EdgeApp
from edge_proxy.config import EdgeConfig
from edge_proxy.connection import connections
from edge_proxy.edge import CannotServe, open_edge
from edge_proxy.metrics import EdgeMetrics, exposed
from mesh.background import background
from mesh.loop_lag import LoopLag

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75
GRACE_SECONDS = 10

logger = logging.getLogger(__name__)


def serve(config: EdgeConfig) -> None:
    """Serve until a signal. Raises CannotServe, also for an address that cannot be had."""
    metrics = EdgeMetrics()
    with ExitStack() as stack:
        listener = stack.enter_context(_listener(config.listen))
        if config.metrics_listen:
            try:
                stack.enter_context(exposed(metrics, config.metrics_listen))
            except OSError as error:
                raise CannotServe([f"--metrics-listen {config.metrics_listen}: {error.strerror}"]) from error
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(config, listener, metrics))


async def _serve(config: EdgeConfig, listener: socket.socket, metrics: EdgeMetrics) -> None:
    async with (
        open_edge(config, metrics=metrics) as app,
        background(LoopLag(metrics.registry).measure(), name="the lag of the event loop"),
    ):
        server = _Server(
            uvicorn.Config(
                app,
                http=connections(config.connections),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        _stop_on_signals(server)
        listener.listen(BACKLOG)
        host, port = listener.getsockname()[:2]
        logger.info("listening", extra={"fields": {"address": f"{host}:{port}"}})
        await server.serve(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends streams when it drains: they would outlast it."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        assert isinstance(app, EdgeApp)
        app.end_streams()
        await super().shutdown(sockets)


def _stop_on_signals(server: uvicorn.Server) -> None:
    """For signals before uvicorn listens to them itself, and after: once it has drained it raises them again."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _listener(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
    except OSError as error:
        listener.close()
        raise CannotServe([f"--listen {address}: {error.strerror}"]) from error
    return listener
