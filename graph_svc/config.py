"""Settings of graph_svc."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from mesh.config import MeshConfig
from mesh.env import setting


@dataclass(frozen=True)
class GraphConfig:
    """What every service has, and when an author's tweets are pulled and no longer pushed."""

    mesh: MeshConfig
    pull_threshold: int = setting(
        "AVIARY_GRAPH_PULL_THRESHOLD",
        10_000,
        help="an author's tweets are pulled from here on",
        unit="followers",
        least=1,
    )
    pull_back: int = setting(
        "AVIARY_GRAPH_PULL_BACK",
        8_000,
        help="and pushed again when back at; the threshold less one at most",
        unit="followers",
        least=0,
    )
    both_for: timedelta = setting(
        "AVIARY_GRAPH_BOTH_SECONDS",
        timedelta(seconds=60),
        help="shortest time of both; at least the age of the oldest read context in use",
        unit="seconds",
        least=0,
    )
