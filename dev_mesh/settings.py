"""Every setting of every process of the mesh: what `--set` may name, and what docs/operations.md lists."""

from __future__ import annotations

from edge_proxy.config import EdgeConfig
from engagement_svc.config import EngagementConfig
from graph_svc.config import GraphConfig
from mesh.env import SettingRow, describe
from timeline_svc.config import TimelineConfig
from tweet_svc.config import TweetConfig
from user_svc.config import UserConfig

CONFIG_CLASSES: dict[str, type[object]] = {
    "user_svc": UserConfig,
    "tweet_svc": TweetConfig,
    "graph_svc": GraphConfig,
    "engagement_svc": EngagementConfig,
    "timeline_svc": TimelineConfig,
    "edge_proxy": EdgeConfig,
}


def rows_by_process() -> dict[str, list[SettingRow]]:
    """The settings of each process."""
    return {process: describe(config_class) for process, config_class in CONFIG_CLASSES.items()}


def known_names() -> frozenset[str]:
    """The variables that any process reads."""
    return frozenset(row.env for rows in rows_by_process().values() for row in rows)
