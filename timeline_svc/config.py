"""The settings of timeline_svc."""

from __future__ import annotations

from dataclasses import dataclass

from mesh.config import MeshConfig
from mesh.env import setting


@dataclass(frozen=True)
class TimelineConfig:
    """What every service has, and the size of timelines."""

    mesh: MeshConfig
    shards: int = setting(
        "AVIARY_TIMELINE_SHARDS",
        16,
        help="into how many groups of keys home timelines are split, the same in every process and for good; "
        "10 to 20 for each primary of a Redis Cluster",
        least=1,
        most=16_384,
    )
    capacity: int = setting(
        "AVIARY_TIMELINE_CAPACITY",
        800,
        help="entries kept of a timeline; older pages are read from the authors",
        unit="tweets",
        least=50,
        most=800,
    )
    expires_days: int = setting(
        "AVIARY_TIMELINE_EXPIRES_DAYS",
        30,
        help="how long a timeline that nobody reads is kept",
        unit="days",
        least=1,
        most=3_650,
    )
