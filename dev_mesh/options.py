"""What the flags of `up` say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Store = Literal["sqlite", "cassandra"]


@dataclass(frozen=True, slots=True)
class Options:
    """`settings` are AVIARY_ variables for every process, on top of those that the mesh sets itself."""

    data_dir: Path
    edge_port: int = 8080
    replicas: int = 1
    shows_tour: bool = True
    store: Store = "sqlite"
    cassandra_nodes: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
