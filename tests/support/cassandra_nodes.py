"""Real Cassandra nodes on free ports, started, stopped and killed by tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from dev_mesh.cassandra.cluster import SERVICES, CommitlogSync, LocalCluster, claim_home
from dev_mesh.cassandra.fetch import FetchFailed, fetch_jars
from dev_mesh.cassandra.machine import ToolMissing, cache_folder, find_java
from dev_mesh.cassandra.node import node_command, write_node_files
from dev_mesh.cassandra.readiness import Readiness
from dev_mesh.cassandra.session import open_session
from dev_mesh.child import TIED, end_of
from mesh.clock import SystemClock
from tests.support.absent import absent
from tests.support.certificates import write_certificates
from tests.support.free_ports import free_row

READY_SECONDS = 120.0
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class CassandraParts:
    """What a node runs on."""

    java: Path
    jars: tuple[Path, ...]


def find_parts() -> CassandraParts:
    """Java, and the jars out of the cache or from Maven. Without them the test is skipped, or fails where CI is set."""
    try:
        return CassandraParts(find_java(), fetch_jars(cache_folder(), say=print))
    except (ToolMissing, FetchFailed) as missing:
        absent(str(missing))


class RunningCassandra:
    """The nodes of a cluster as child processes. `took` is how long the last start lasted, in seconds."""

    def __init__(self, cluster: LocalCluster, parts: CassandraParts, services: Sequence[str] = SERVICES) -> None:
        self.cluster = cluster
        self.took = 0.0
        self._parts = parts
        self._services = services
        self._readiness = Readiness(cluster, services=services)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, *numbers: int) -> None:
        """Start these nodes, or all, and wait until they are ready."""
        began = SystemClock().monotonic()
        wanted = numbers or tuple(self.cluster.numbers)
        if 1 in wanted:
            # The first node is set up anew each time: one that writes its commit log late has lost its roles too.
            self._readiness = Readiness(self.cluster, services=self._services)
        for number in wanted:
            self._spawn(number)
        for number in wanted:
            self._wait_until_ready(number)
        self.took = SystemClock().monotonic() - began

    def stop(self) -> None:
        """Ask all nodes to end, and wait; one that does not end is killed, and the test fails."""
        for process in self._processes.values():
            process.terminate()
        try:
            for process in self._processes.values():
                process.wait(STOP_SECONDS)
        finally:
            for number in list(self._processes):
                self.kill(number)

    def kill(self, number: int = 1) -> None:
        """End a node at once, as kill -9 does."""
        process = self._processes.pop(number)
        process.send_signal(signal.SIGKILL)
        process.wait()

    @contextmanager
    def stopped(self, number: int = 1) -> Iterator[None]:
        """A node that does nothing within the block and goes on after it; the kernel still takes what is sent to it."""
        process = self._processes[number]
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def megabytes(self, number: int = 1) -> float:
        """Resident memory of a node now."""
        status = Path(f"/proc/{self._processes[number].pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    @contextmanager
    def session(self, service: str, *, number: int | None = None) -> Iterator[Any]:
        """A session of a service's role, with one node only when it is named."""
        role = self.cluster.role(service)
        hosts = [self.cluster.host(number)] if number else []
        with open_session(self.cluster, role=role, password=self.cluster.password(role), hosts=hosts) as session:
            yield session

    def _spawn(self, number: int) -> None:
        write_node_files(self.cluster, number)
        command = node_command(self.cluster, number, java=self._parts.java, jars=self._parts.jars)
        # Tied: a test run that is killed leaves no node behind.
        tied = [sys.executable, "-I", "-S", str(TIED), str(os.getpid()), *command]
        with self._log(number).open("ab") as log:
            self._processes[number] = subprocess.Popen(
                tied, cwd=self.cluster.folder(number), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _wait_until_ready(self, number: int) -> None:
        clock = SystemClock()
        deadline = clock.monotonic() + READY_SECONDS
        while not self._readiness.is_ready(number):
            if self._processes[number].poll() is not None or clock.monotonic() > deadline:
                log = end_of(self._log(number))
                raise AssertionError(f"node {number} did not start: {self._readiness.why_not}\n{log}")
            Event().wait(0.05)

    def _log(self, number: int) -> Path:
        return self.cluster.home / f"node-{number}.log"


@contextmanager
def start_cassandra(
    folder: Path,
    parts: CassandraParts,
    *,
    nodes: int = 1,
    commitlog_sync: CommitlogSync = "group",
    services: Sequence[str] = SERVICES,
    has_tls: bool = False,
) -> Iterator[RunningCassandra]:
    """A cluster that is ready, with keyspaces and roles of the services, stopped after the block.

    With TLS each node has a certificate of its own for its address, by an authority that is in `tls/ca.pem`.
    """
    port = free_row(2)
    cluster = LocalCluster(
        folder,
        nodes=nodes,
        port=port,
        storage_port=port + 1,
        commitlog_sync=commitlog_sync,
        tls=folder / "tls" if has_tls else None,
    )
    claim_home(cluster)
    if has_tls:
        write_certificates(folder / "tls", cluster.hosts, password=cluster.password("keystore"))
    running = RunningCassandra(cluster, parts, services)
    try:
        running.start()
        yield running
    finally:
        running.stop()
