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
    audits_per_minute: int = setting(
        "AVIARY_TIMELINE_AUDITS_PER_MINUTE",
        6,
        help="how many home timelines, and as many lists of pulled authors, a worker compares with what was written; "
        "0 is none",
        least=0,
        most=6_000,
    )
    audit_settling_seconds: int = setting(
        "AVIARY_TIMELINE_AUDIT_SETTLING_SECONDS",
        30,
        help="after how long a timeline that differs is looked at again, before it counts",
        unit="seconds",
        least=1,
        most=3_600,
    )
    fanout_status_hours: int = setting(
        "AVIARY_TIMELINE_FANOUT_STATUS_HOURS",
        24,
        help="how long GetFanoutStatus knows of a tweet, at about 200 bytes of Redis each; 0 keeps nothing",
        unit="hours",
        least=0,
        most=720,
    )
