"""Counts and times each call. The counters of a method are looked up once, not per call."""

from __future__ import annotations

from mesh.clock import Clock
from mesh.interceptors.errors import code_of
from mesh.interceptors.incoming import Incoming, Step
from mesh.method import Method
from mesh.metrics import Metrics


def measure(after: Step, method: Method, metrics: Metrics, clock: Clock) -> Step:
    """Add the call to `aviary_rpc_server_calls_total` and `aviary_rpc_server_seconds`."""
    succeeded = metrics.server_calls.labels(method.service, method.name, "OK")
    seconds = metrics.server_seconds.labels(method.service, method.name)

    async def step(incoming: Incoming) -> bytes:
        started = clock.monotonic()
        code = "OK"
        try:
            return await after(incoming)
        except BaseException as error:
            code = code_of(error)
            raise
        finally:
            seconds.observe(clock.monotonic() - started)
            counter = succeeded if code == "OK" else metrics.server_calls.labels(method.service, method.name, code)
            counter.inc()

    return step
