"""One local cluster: its nodes, their addresses and ports, its roles, and where its files are."""

from __future__ import annotations

import json
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import quote

from dev_mesh.keys import kept_secret
from dev_mesh.mesh_file import write_private

CommitlogSync = Literal["group", "batch", "periodic"]
# The services with a store; each has a keyspace and a role of the same name.
SERVICES = ("user", "tweet", "graph", "engagement")
SUPERUSER = "cassandra"
# What SimpleSnitch calls the one data centre that it knows.
DATACENTER = "datacenter1"
RING = 2**64
FIRST_TOKEN = -(2**63)


class OtherCluster(Exception):
    """The folder holds a cluster of another size; the message says which."""


@dataclass(frozen=True, slots=True)
class LocalCluster:
    """Node N is at `network`.N; all nodes have the same two ports, so several clusters need different ports only.

    `home` holds the nodes' folders and the passwords; `prefix` begins the name of every keyspace and service's role.
    nodetool finds node N at 127.0.0.1 and `jmx_port` + N - 1, without a password; with 0 it finds none.
    With `tls` clients must speak it: that folder has `ca.pem`, and in `<address>.p12` the certificate and key of each
    node, with the password "keystore" of this cluster.
    Raises ValueError for what no cluster can be made of.
    """

    home: Path
    nodes: int = 1
    port: int = 9042
    storage_port: int = 7000
    network: str = "127.0.0"
    prefix: str = "aviary"
    commitlog_sync: CommitlogSync = "group"
    heap_megabytes: int = 512
    jmx_port: int = 0
    tls: Path | None = None

    def __post_init__(self) -> None:
        if self.nodes not in {1, 3}:
            raise ValueError(f"a local cluster has 1 or 3 nodes, not {self.nodes}")
        if not re.fullmatch(r"127\.\d{1,3}\.\d{1,3}", self.network):
            raise ValueError(f"{self.network!r} does not begin an address of this machine; use one such as 127.0.0")
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", self.prefix):
            raise ValueError(f"{self.prefix!r} cannot begin a keyspace's name: at most 32 of a-z, 0-9 and _, a-z first")
        if self.commitlog_sync not in get_args(CommitlogSync):
            raise ValueError(
                f"commitlog_sync is one of {', '.join(get_args(CommitlogSync))}, not {self.commitlog_sync!r}"
            )
        if self.port == self.storage_port or not all(0 < port < 65536 for port in (self.port, self.storage_port)):
            raise ValueError(f"{self.port} and {self.storage_port} are not two ports")
        if not 0 <= self.jmx_port < 65534:
            raise ValueError(f"{self.jmx_port} is no port for JMX")
        if self.heap_megabytes < 128:
            raise ValueError(f"Cassandra does not start with a heap of {self.heap_megabytes} MB; give it 128 or more")

    @property
    def numbers(self) -> range:
        """The nodes, counted from 1."""
        return range(1, self.nodes + 1)

    @property
    def hosts(self) -> list[str]:
        """The address of each node."""
        return [self.host(number) for number in self.numbers]

    def host(self, number: int) -> str:
        """The address of one node."""
        return f"{self.network}.{number}"

    def token(self, number: int) -> int:
        """Where a node's part of the ring begins; the parts are equal."""
        return FIRST_TOKEN + 1 + (number - 1) * (RING // self.nodes)

    def folder(self, number: int) -> Path:
        """Everything of one node."""
        return self.home / f"node-{number}"

    def role(self, service: str) -> str:
        """The name of a service's keyspace, and of the role that owns it."""
        return f"{self.prefix}_{service}"

    def password(self, role: str) -> str:
        """Made when it is first asked for, and kept where only the owner of the files can read it."""
        folder = self.home / "passwords"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return kept_secret(folder / f"{role}.password")

    def store_url(self, service: str) -> str:
        """What a service needs to use its keyspace, its password among it."""
        role = self.role(service)
        hosts = ",".join(f"{host}:{self.port}" for host in self.hosts)
        tls = f"&tls=true&ca_file={quote(str(self.tls / 'ca.pem'))}" if self.tls else ""
        return f"cassandra://{role}:{quote(self.password(role))}@{hosts}/{self.prefix}?dc={DATACENTER}{tls}"

    def ssl_context(self) -> ssl.SSLContext | None:
        """What a client speaks TLS with; None where it speaks plain text."""
        return ssl.create_default_context(cafile=self.tls / "ca.pem") if self.tls else None


def claim_home(cluster: LocalCluster) -> None:
    """Write down how many nodes the data belongs to: with another number each node would look for rows elsewhere.

    Raises OtherCluster.
    """
    cluster.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = cluster.home / "cluster.json"
    if not file.exists():
        write_private(file, json.dumps({"nodes": cluster.nodes}) + "\n")
    nodes = json.loads(file.read_text())["nodes"]
    if nodes != cluster.nodes:
        raise OtherCluster(f"{cluster.home} holds a cluster of {nodes}; give it {nodes} again, or another folder")
