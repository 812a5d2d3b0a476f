"""Settings of engagement_svc."""

from __future__ import annotations

from dataclasses import dataclass

from mesh.config import MeshConfig


@dataclass(frozen=True)
class EngagementConfig:
    """What every service has; nothing of its own."""

    mesh: MeshConfig
