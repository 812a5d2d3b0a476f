"""The settings of user_svc."""

from __future__ import annotations

from dataclasses import dataclass

from mesh.config import MeshConfig


@dataclass(frozen=True)
class UserConfig:
    """What every service has: this one leaves operators nothing else to choose."""

    mesh: MeshConfig
