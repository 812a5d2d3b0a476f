"""The configuration of the mesh's own redis-server."""

from __future__ import annotations

import json
from pathlib import Path

from dev_mesh.ports import HOST


def redis_conf(*, port: int, directory: Path, password: str) -> str:
    """One server, loopback only, with a password. noeviction: a timeline is complete or absent, never half evicted.

    It keeps nothing on disk: all that is in it can be made again, and an older copy of a timeline would lack tweets.
    """
    return f"""bind {HOST}
port {port}
protected-mode yes
daemonize no
dir {json.dumps(str(directory), ensure_ascii=False)}
requirepass {password}
appendonly no
save ""
maxmemory 256mb
maxmemory-policy noeviction
"""


def redis_url(*, port: int, password: str) -> str:
    """Where clients find it, with what they need to use it."""
    return f"redis://:{password}@{HOST}:{port}/0"
