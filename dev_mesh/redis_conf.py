"""The configuration of the mesh's own redis-server."""

from __future__ import annotations

import json
from pathlib import Path

from dev_mesh.ports import HOST


def redis_conf(*, port: int, directory: Path, password: str) -> str:
    """One server, loopback only, with a password. noeviction: a timeline is complete or absent, never half evicted."""
    return f"""bind {HOST}
port {port}
protected-mode yes
daemonize no
dir {json.dumps(str(directory), ensure_ascii=False)}
requirepass {password}
appendonly yes
appendfsync everysec
save ""
maxmemory 256mb
maxmemory-policy noeviction
"""


def redis_url(*, port: int, password: str) -> str:
    """Where clients find it, with what they need to use it."""
    return f"redis://:{password}@{HOST}:{port}/0"
