"""The configuration of the mesh's own nats-server."""

from __future__ import annotations

import json
from pathlib import Path

from dev_mesh.ports import HOST

USER = "aviary"


def nats_conf(*, port: int, monitor_port: int, store_dir: Path, password: str) -> str:
    """One server with JetStream in `store_dir`, one user, loopback only. The sync interval is the default: the broker
    is disposable, the outbox tables hold the truth.
    """
    return f"""server_name: aviary-dev
listen: "{HOST}:{port}"
http: "{HOST}:{monitor_port}"
jetstream {{ store_dir: {json.dumps(str(store_dir), ensure_ascii=False)}, max_memory_store: 64MB, max_file_store: 4GB }}
authorization {{ users: [ {{ user: {USER}, password: {json.dumps(password)} }} ] }}
"""


def nats_url(*, port: int, password: str) -> str:
    """Where clients find it, with what they need to use it."""
    return f"nats://{USER}:{password}@{HOST}:{port}"
