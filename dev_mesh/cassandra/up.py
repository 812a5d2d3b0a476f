"""`up` and `stop`: a local cluster that lives as long as a terminal, for work on the stores and for trying a query."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from threading import Event

from dev_mesh.cassandra.cluster import SERVICES, LocalCluster, claim_home
from dev_mesh.cassandra.fetch import fetch_jars
from dev_mesh.cassandra.machine import cache_folder, find_java
from dev_mesh.cassandra.programs import cassandra_programs
from dev_mesh.cassandra.readiness import Readiness
from dev_mesh.lock import holder, only_mesh
from dev_mesh.mesh_file import NAME as MESH_FILE
from dev_mesh.mesh_file import NotRunning, write_private
from dev_mesh.ports import PortTaken, why_taken
from dev_mesh.supervisor import NotReady, Supervisor
from mesh.clock import Clock

ORPHANS_END_WITHIN = timedelta(seconds=3)
STOPPED_WITHIN = timedelta(seconds=60)


class DidNotStop(Exception):
    """The cluster was asked to end and still runs; the message names the pid."""


def up(cluster: LocalCluster, *, clock: Clock, say: Callable[[str], None]) -> None:
    """Run the cluster until a signal ends it; a node that dies is started again.

    Raises ToolMissing, FetchFailed, OtherCluster, AlreadyRunning, PortTaken, StartFailed, NotReady and OSError when
    it cannot start.
    """
    java = find_java()
    jars = fetch_jars(cache_folder(), say=say)
    cluster.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with only_mesh(cluster.home):
        claim_home(cluster)
        _wait_for_ports(cluster, clock)
        asyncio.run(_run(cluster, java=java, jars=jars, clock=clock, say=say))


def stop(home: Path, *, clock: Clock) -> None:
    """End the cluster that runs on `home`, and return when it is gone. Raises NotRunning and DidNotStop."""
    pid = holder(home)
    if pid is None:
        raise NotRunning(f"no Cassandra runs on {home}")
    os.kill(pid, signal.SIGTERM)
    deadline = clock.monotonic() + STOPPED_WITHIN.total_seconds()
    while holder(home) == pid:
        if clock.monotonic() > deadline:
            raise DidNotStop(f"pid {pid} still runs on {home} after {STOPPED_WITHIN.total_seconds():.0f} s")
        Event().wait(0.05)


def _wait_for_ports(cluster: LocalCluster, clock: Clock) -> None:
    """Raise PortTaken. After a kill -9, which leaves mesh.json behind, the old nodes get a moment to end."""
    was_killed = (cluster.home / MESH_FILE).exists()
    deadline = clock.monotonic() + (ORPHANS_END_WITHIN.total_seconds() if was_killed else 0)
    for host in cluster.hosts:
        for flag, port in (("--port", cluster.port), ("--storage-port", cluster.storage_port)):
            while why := why_taken(host, port):
                if clock.monotonic() >= deadline:
                    raise PortTaken(f"{host}:{port} cannot be used: {why}; choose another one with {flag}")
                Event().wait(0.05)


async def _run(
    cluster: LocalCluster, *, java: Path, jars: Sequence[Path], clock: Clock, say: Callable[[str], None]
) -> None:
    logs, urls = cluster.home / "logs", cluster.home / "store_urls.json"
    write_private(urls, json.dumps({service: cluster.store_url(service) for service in SERVICES}, indent=2) + "\n")
    readiness = Readiness(cluster)
    say(f"starting Cassandra, nodes: {cluster.nodes}, data in {cluster.home}")
    supervisor = Supervisor(
        [cassandra_programs(cluster, java=java, jars=jars, logs=logs, readiness=readiness)],
        data_dir=cluster.home,
        edge_url="",
        clock=clock,
        say=say,
        farewell="stopping Cassandra",
    )

    async def once_ready() -> None:
        say(f"  logs        {logs}\n  store URLs  {urls}, with their passwords\nready; Ctrl-C stops Cassandra")

    try:
        await supervisor.run(once_ready)
    except NotReady as failure:
        raise NotReady(f"{failure}; {readiness.why_not}; see {logs}") from None
    say("stopped; the data stays")
