"""/healthz and /readyz: whether the process lives, and whether requests would find their services."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson

from edge_proxy.http_errors import Answer
from edge_proxy.refusals import MethodNotAllowed
from edge_proxy.upstream import Upstreams
from mesh.errors import Unavailable

PATIENCE_SECONDS = 1.0


class Probes:
    """Answers about the edge itself. `checked` are the services whose health readiness depends on."""

    def __init__(self, upstreams: Upstreams, checked: Sequence[str]) -> None:
        self._upstreams = upstreams
        self._checked = checked

    async def answer(self, method: str, path: str) -> Answer | None:
        """The answer, None when the path is not a probe's. Raises Unavailable while not ready, MethodNotAllowed."""
        if path not in {"/healthz", "/readyz"}:
            return None
        if method not in {"GET", "HEAD"}:
            raise MethodNotAllowed({"GET"})
        if path == "/readyz":
            await self._ready()
        return Answer(200, orjson.dumps({"status": "ready" if path == "/readyz" else "ok"}))

    async def _ready(self) -> None:
        serving = await asyncio.gather(
            *(self._upstreams.is_serving(service, seconds=PATIENCE_SECONDS) for service in self._checked)
        )
        absent = [service for service, is_serving in zip(self._checked, serving, strict=True) if not is_serving]
        if absent:
            raise Unavailable.backend(", ".join(absent))
