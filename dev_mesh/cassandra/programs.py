"""The nodes of a local cluster as children of a supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from dev_mesh.cassandra.cluster import LocalCluster
from dev_mesh.cassandra.node import node_command, write_node_files
from dev_mesh.cassandra.readiness import Readiness
from dev_mesh.child import Program
from dev_mesh.ports import replica_name


def cassandra_programs(
    cluster: LocalCluster, *, java: Path, jars: Sequence[Path], logs: Path, readiness: Readiness
) -> list[Program]:
    """One program a node, all of one stage: none is ready before all have started. Writes what they read."""
    programs = []
    for number in cluster.numbers:
        write_node_files(cluster, number)
        name = replica_name("cassandra", number)
        programs.append(
            Program(
                name=name,
                service="cassandra",
                role="all",
                command=node_command(cluster, number, java=java, jars=jars),
                environment={"LANG": "C.UTF-8"},
                directory=cluster.folder(number),
                log=logs / f"{name}.log",
                address=f"{cluster.host(number)}:{cluster.port}",
                metrics="",
                is_ready=partial(asyncio.to_thread, readiness.is_ready, number),
            )
        )
    return programs
