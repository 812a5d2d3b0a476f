"""Which port each process listens on, counted from the edge's."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping

HOST = "127.0.0.1"

# In the order of their ports. timeline_svc runs as two, so that fan-out never shares a loop with page reads.
SERVICE_PROCESSES = (
    "user_svc",
    "tweet_svc",
    "graph_svc",
    "engagement_svc",
    "timeline_svc",
    "timeline_svc-work",
)
_FIRST = ("edge", *SERVICE_PROCESSES, "redis", "nats", "nats monitor", "edge metrics")


class PortTaken(Exception):
    """Another program listens there. The message names the port, its use and the flag."""


def plan_ports(edge_port: int, *, replicas: int = 1, has_cassandra: bool = False) -> dict[str, int]:
    """Port by process name; "NAME metrics" is where a process shows its metrics. Raises ValueError beyond 65535.

    edge-port + 0 is the edge, + 1 to 6 the services, + 7 Redis, + 8 NATS, + 9 its monitor, + 10 the edge's metrics,
    + 11 to 16 the services' metrics; each further replica takes 12 more: six services, six metrics. Cassandra takes
    the last two: for clients, and for its nodes among themselves.
    """
    names = [*_FIRST, *(f"{name} metrics" for name in SERVICE_PROCESSES)]
    for number in range(2, replicas + 1):
        copies = [replica_name(name, number) for name in SERVICE_PROCESSES]
        names += [*copies, *(f"{name} metrics" for name in copies)]
    if has_cassandra:
        names += ["cassandra", "cassandra nodes"]
    if edge_port < 1 or edge_port + len(names) - 1 > 65535:
        raise ValueError(f"--edge-port {edge_port} leaves no room for {len(names)} ports up to 65535")
    return {name: edge_port + offset for offset, name in enumerate(names)}


def replica_name(name: str, number: int) -> str:
    """The name of the process's copy; the first one carries no number."""
    return name if number == 1 else f"{name}-{number}"


def check_free(ports: Mapping[str, int]) -> None:
    """Raise PortTaken for the first port that somebody listens on."""
    first = min(ports.values())
    for name, port in ports.items():
        if why := why_taken(HOST, port):
            raise PortTaken(
                f"port {port} ({name}, edge-port + {port - first}) cannot be used: {why};"
                " choose others with --edge-port"
            )


def why_taken(host: str, port: int) -> str:
    """Why nobody else can listen there; empty when one can."""
    with socket.socket() as probe:
        # As servers do: a connection that ended a moment ago does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}:
                raise
            return str(error.strerror)
    return ""


def describe_ports() -> str:
    """The order of the ports, for --help."""
    lines = ["ports, counted from --edge-port:"]
    lines += [f"  +{offset:<3} {name}" for name, offset in plan_ports(1000).items() for offset in [offset - 1000]]
    return "\n".join(
        [*lines, "  each further replica takes the next 12: the services, then their metrics; Cassandra the last 2"]
    )
