"""Opens an edge: reads its contracts, builds its routes, connects to its services. All mistakes are told at once."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from edge_proxy.app import EdgeApp
from edge_proxy.config import EdgeConfig
from edge_proxy.cors import Cors
from edge_proxy.descriptor_set import BrokenDescriptors
from edge_proxy.metrics import EdgeMetrics
from edge_proxy.pages import Pages, read_pages
from edge_proxy.probes import Probes
from edge_proxy.route_table import RouteTable
from edge_proxy.streams import Streams
from edge_proxy.upstream import open_upstreams
from mesh.clock import Clock, SystemClock
from mesh.tokens import TokenVerifier

logger = logging.getLogger(__name__)


class CannotServe(Exception):
    """An edge that cannot start with its settings; `mistakes` has one line for each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


@asynccontextmanager
async def open_edge(
    config: EdgeConfig, *, metrics: EdgeMetrics | None = None, clock: Clock | None = None
) -> AsyncIterator[EdgeApp]:
    """The application; its channels close at the end. Raises CannotServe."""
    clock, metrics = clock or SystemClock(), metrics or EdgeMetrics()
    contracts = config.contracts
    routes = _routes(config)
    pages = _pages(config)
    _warn_of_services_without_upstream(config)
    async with open_upstreams(config.upstreams, contracts.services) as upstreams:
        # Without our policies nothing is known of what is behind, not even whether it has a health check.
        checked = [name for name in config.upstreams if any(rpc.policy is not None for rpc in contracts.services[name])]
        yield EdgeApp(
            routes,
            {route.rpc.path: upstreams.method(route.rpc) for route in routes.routes},
            probes=Probes(upstreams, checked),
            pages=pages,
            verifier=TokenVerifier(config.jwks_file, clock) if config.jwks_file is not None else None,
            streams=Streams(
                keep_alive=config.keep_alive,
                longest=config.stream_time,
                metrics=metrics,
                detail_form=routes.detail_form,
            ),
            cors=Cors(config.cors_origins.split()),
            metrics=metrics,
            clock=clock,
            body_time=config.connections.body_time,
            bare_errors=config.error_format == "status",
        )


def _routes(config: EdgeConfig) -> RouteTable:
    services = config.contracts.services
    mistakes = [
        f"--upstream {name}: there is no such service in the descriptors; there is {', '.join(services)}"
        for name in config.upstreams
        if name not in services
    ]
    try:
        routes = RouteTable(
            config.contracts,
            [name for name in services if name in config.upstreams],
            with_aliases=config.aliases,
        )
    except BrokenDescriptors as broken:
        raise CannotServe(mistakes + broken.mistakes) from broken
    if mistakes:
        raise CannotServe(mistakes)
    return routes


def _pages(config: EdgeConfig) -> Pages:
    if config.openapi is None:
        return Pages({})
    try:
        return read_pages(config.openapi)
    except OSError as error:
        raise CannotServe([f"{error.filename}: {error.strerror}; /docs needs it"]) from error


def _warn_of_services_without_upstream(config: EdgeConfig) -> None:
    absent = [service for service in config.contracts.services if service not in config.upstreams]
    if absent:
        logger.warning("services without upstream are not served", extra={"fields": {"services": absent}})
