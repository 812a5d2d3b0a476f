"""What the edge counts: requests by route and status, and how long they took; streams by how they ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from mesh.metrics import BUCKETS

# Requests that no route answers share one name: a client cannot make new ones.
NO_ROUTE = "none"


class EdgeMetrics:
    """The metrics of one edge, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "aviary_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "aviary_http_request_seconds",
            "Time from the headers of a request to its whole answer, without streams.",
            ("method", "route"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.streams = Counter(
            "aviary_http_streams", "Streams that have ended, by how.", ("route", "code"), registry=self.registry
        )
        self.streams_open = Gauge(
            "aviary_http_streams_open", "Streams in progress.", ("route",), registry=self.registry
        )
        self.stream_messages = Counter(
            "aviary_http_stream_messages", "Messages sent to clients.", ("route",), registry=self.registry
        )


@contextmanager
def exposed(metrics: EdgeMetrics, listen: str) -> Iterator[None]:
    """Answer GET /metrics at `listen` (host:port) from a thread of its own. Raises OSError."""
    host, _, port = listen.rpartition(":")
    server, thread = start_http_server(int(port), addr=host.strip("[]"), registry=metrics.registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
