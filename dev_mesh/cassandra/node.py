"""One node as a program: its files, and the command line that starts it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dev_mesh.cassandra.cluster import LocalCluster
from dev_mesh.cassandra.node_conf import LOGBACK, node_conf
from dev_mesh.mesh_file import write_private

# Parts of the Java library that Cassandra uses behind its modules' backs.
_EXPORTS = (
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
)
_OPENS = (
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.management/com.sun.management.internal",
)
# The simple collector and the quick compiler: a node that is small, and there after few seconds.
_MACHINE = (
    # What the heap begins with is locked into memory when root starts the node: 390 MB in all, not 830.
    "-Xms64M",
    "-Xss512k",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:+PerfDisableSharedMem",
)
_HASTE = {
    # The ring is known from the start: no need to listen for others before saying what is one's own.
    "cassandra.ring_delay_ms": "1000",
    "cassandra.skip_wait_for_gossip_to_settle": "0",
    "cassandra.shutdown_announce_in_ms": "0",
    "cassandra.superuser_setup_delay_ms": "0",
    # A slow hash guards passwords that people choose. These are 256 random bits.
    "cassandra.auth_bcrypt_gensalt_log2_rounds": "4",
}


def write_node_files(cluster: LocalCluster, number: int) -> None:
    """What the node reads at its start, written anew; its data is not touched."""
    folder = cluster.folder(number)
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "tmp").mkdir(exist_ok=True)
    write_private(folder / "cassandra.yaml", node_conf(cluster, number))
    write_private(folder / "logback.xml", LOGBACK)


def node_command(cluster: LocalCluster, number: int, *, java: Path, jars: Sequence[Path]) -> tuple[str, ...]:
    """The node in the foreground, until SIGTERM; JMX is off, or on loopback. It writes below the node's folder only."""
    folder = cluster.folder(number)
    properties = {
        "cassandra-foreground": "yes",
        "cassandra.config": (folder / "cassandra.yaml").as_uri(),
        "cassandra.storagedir": str(folder / "store"),
        "logback.configurationFile": str(folder / "logback.xml"),
        "java.io.tmpdir": str(folder / "tmp"),
        # Every node holds the roles, so that logging in does not hang on one of them.
        "cassandra.system_auth.default_rf": str(cluster.nodes),
        **_HASTE,
    }
    if cluster.jmx_port:
        properties["cassandra.jmx.local.port"] = str(cluster.jmx_port + number - 1)
    return (
        str(java),
        f"-Xmx{cluster.heap_megabytes}M",
        *_MACHINE,
        *(f"--add-exports={part}=ALL-UNNAMED" for part in _EXPORTS),
        *(f"--add-opens={part}=ALL-UNNAMED" for part in _OPENS),
        *(f"-D{name}={value}" for name, value in properties.items()),
        "-cp",
        ":".join(map(str, jars)),
        "org.apache.cassandra.service.CassandraDaemon",
    )
