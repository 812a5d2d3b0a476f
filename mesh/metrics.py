"""The figures of one process, in a registry of its own, told over HTTP as /metrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server

from mesh.env import PortTaken

# Seconds. Fine around a millisecond, where calls between services are.
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Every metric of the runtime. `open_service` makes one, hands it to what it opens, and to the Service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.server_calls = Counter(
            "aviary_rpc_server_calls", "Calls answered.", ("service", "method", "code"), registry=self.registry
        )
        self.server_seconds = Histogram(
            "aviary_rpc_server_seconds",
            "Time from the first line of a call to its answer.",
            ("service", "method"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.client_calls = Counter(
            "aviary_rpc_client_calls",
            "Calls made to other services.",
            ("target", "method", "code"),
            registry=self.registry,
        )
        self.outbox_rows = Gauge("aviary_outbox_rows", "Events that are not confirmed yet.", registry=self.registry)
        self.outbox_oldest_seconds = Gauge(
            "aviary_outbox_oldest_seconds", "Age of the oldest event that is not confirmed.", registry=self.registry
        )
        self.outbox_dead_letters = Gauge(
            "aviary_outbox_dead_letters", "Events that were given up.", registry=self.registry
        )
        self.consumer_events = Counter(
            "aviary_consumer_events", "Events handled.", ("group", "kind", "outcome"), registry=self.registry
        )
        self.store_calls = Counter(
            "aviary_store_calls",
            "Statements and batches, by outcome.",
            ("statement", "outcome"),
            registry=self.registry,
        )
        self.store_seconds = Histogram(
            "aviary_store_seconds",
            "Time from a statement to its answer.",
            ("statement",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.timeline_visible_seconds = Histogram(
            "aviary_timeline_visible_seconds",
            "Age of a tweet when it had been written to the last timeline.",
            buckets=(*BUCKETS, 10.0, 30.0, 60.0),
            registry=self.registry,
        )


@contextmanager
def exposed(metrics: Metrics, listen: str) -> Iterator[None]:
    """Answer GET /metrics at `listen` (host:port) from a thread of its own; "" is nowhere. Raises PortTaken."""
    if not listen:
        yield
        return
    host, _, port = listen.rpartition(":")
    try:
        server, thread = start_http_server(int(port), addr=host.strip("[]"), registry=metrics.registry)
    except OSError as error:
        raise PortTaken("AVIARY_METRICS_LISTEN", listen) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
