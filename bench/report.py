"""One table out of all measures, and the same as JSON so that runs can be compared."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from bench.fanout import PostCost
from bench.home_page import EdgeCost, PageCost

TARGETS = {
    "home page at 32 connections, bare calls": 6.0,
    "post + 500 timelines, bare calls": 15.0,
    "visible to a follower, p99 ms": 250.0,
    "edge on top of a direct call, ms": 0.3,
    "largest service, MB resident, idle": 90.0,
    # Beside the driver there is what it knows of the cluster: keyspaces, tables, nodes.
    "largest service on Cassandra, MB resident, idle": 110.0,
}
BY_STUB = "home page, by a stub, 32 in flight"
OVER_STREAM = "home page, over a call stream, 32"
_NO_SERVICE = {"redis", "nats", "cassandra"}


class Report:
    """Collects figures; `figures` keeps everything under readable names."""

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}
        self._bare: list[float] = []

    @property
    def bare_ms(self) -> float:
        """The yardstick: CPU milliseconds of one bare call, median of its measures in this run."""
        return statistics.median(self._bare)

    def add_bare_call(self, cpu_ms: float) -> None:
        """One more measure of the yardstick."""
        self._bare.append(cpu_ms)
        self.figures["bare grpcio.aio call, CPU ms"] = list(self._bare)

    def add_pages(self, cost: PageCost) -> None:
        """Home pages through the edge."""
        self.figures[f"home page, {cost.connections} connections"] = {
            "cpu_ms": cost.cpu_ms,
            "per second": cost.load.per_second,
            "p50_ms": cost.load.p50_ms,
            "p99_ms": cost.load.p99_ms,
        }

    def add_edge(self, cost: EdgeCost) -> None:
        """Home pages through the edge and by direct calls, in turn."""
        self.add_pages(cost.page)
        self.figures[BY_STUB] = {"cpu_ms": cost.by_stub}
        self.figures[OVER_STREAM] = {"cpu_ms": cost.over_stream}

    def add_posts(self, cost: PostCost) -> None:
        """Posts up to the last timeline."""
        self.figures[f"post + {cost.followers} timelines"] = {"cpu_ms": cost.cpu_ms}
        busy = cost.cpu_ms["timeline_svc-work"] + cost.cpu_ms["redis"]
        self.figures[f"deliveries per core-second, {cost.followers} followers"] = cost.followers / busy * 1000

    def add_visibility(self, p50: float, p99: float) -> None:
        """From acknowledgement to a follower's page."""
        self.figures["visible to a follower"] = {"p50_ms": p50, "p99_ms": p99}

    def add_ceiling(self, per_core_second: float) -> None:
        """What bare Redis commands reach."""
        self.figures["redis-benchmark ceiling, deliveries per core-second"] = per_core_second

    def against_targets(self) -> dict[str, float]:
        """The figures that have a target, under the targets' names."""
        page = self.figures["home page, 32 connections"]["cpu_ms"]
        resident = {name: mb for name, mb in self.figures["resident, MB, idle"].items() if name not in _NO_SERVICE}
        where = " on Cassandra" if self.figures["store"] == "cassandra" else ""
        return {
            "home page at 32 connections, bare calls": page["all"] / self.bare_ms,
            "post + 500 timelines, bare calls": self.figures["post + 500 timelines"]["cpu_ms"]["all"] / self.bare_ms,
            "visible to a follower, p99 ms": self.figures["visible to a follower"]["p99_ms"],
            "edge on top of a direct call, ms": page["all"] - self.figures[BY_STUB]["cpu_ms"]["all"],
            f"largest service{where}, MB resident, idle": max(resident.values()),
        }

    def table(self) -> str:
        """For people."""
        lines = [
            f"bare grpcio.aio call: {self.bare_ms:.3f} ms of CPU ({', '.join(f'{ms:.3f}' for ms in self._bare)})",
            "",
        ]
        costs = {
            name: figure["cpu_ms"]
            for name, figure in self.figures.items()
            if isinstance(figure, dict) and "cpu_ms" in figure
        }
        processes = list(dict.fromkeys(name for cost in costs.values() for name in cost))
        width = max(len(name) for name in costs)
        lines.append(
            "CPU ms per operation".ljust(width) + "".join(f"{name.removesuffix('_svc'):>15}" for name in processes)
        )
        for name, cost in costs.items():
            cells = [f"{cost[process]:15.3f}" if process in cost else " " * 15 for process in processes]
            lines.append(name.ljust(width) + "".join(cells))
        lines.append("")
        for name, figure in self.figures.items():
            if isinstance(figure, dict) and "p50_ms" in figure:
                rate = f"{figure['per second']:.0f} a second, " if "per second" in figure else ""
                lines.append(f"{name}: {rate}p50 {figure['p50_ms']:.1f} ms, p99 {figure['p99_ms']:.1f} ms")
            elif isinstance(figure, (int, float)):
                lines.append(f"{name}: {figure:,.0f}")
        resident = self.figures["resident, MB, idle"]
        lines.append("resident, MB, idle: " + ", ".join(f"{name} {mb:.0f}" for name, mb in resident.items()))
        idle = self.figures["idle CPU, ms per second"]
        lines.append("idle CPU, ms per second: " + ", ".join(f"{name} {ms:.1f}" for name, ms in idle.items()))
        lines.append("")
        edge = self.figures["home page, 32 connections"]["cpu_ms"]["all"] - self.figures[OVER_STREAM]["cpu_ms"]["all"]
        lines.append(f"edge on top of a call over a stream as its own: {edge:.2f} ms")
        for name, value in self.against_targets().items():
            verdict = "reached" if value <= TARGETS[name] else "MISSED"
            lines.append(f"{name:48} {value:8.2f}   target <= {TARGETS[name]:g}: {verdict}")
        return "\n".join(lines)

    def save(self, folder: Path, *, at: str) -> Path:
        """Write everything to `folder`; returns the file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"bench-{at}.json"
        path.write_text(json.dumps({**self.figures, "targets": self.against_targets()}, indent=2) + "\n")
        return path
