"""Which engine a store URL names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

CQL_PORT = 9042
# A keyspace has 48 characters; "_engagement" is the longest ending.
_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,36}")
_OPTIONS = {"dc", "tls", "ca_file", "replication", "compaction"}
# "3" replicas in the datacenter of `dc`, or "here:3,there:2".
_REPLICATION = re.compile(r"[1-9]\d?|[\w.-]+:[1-9]\d?(,[\w.-]+:[1-9]\d?)*")
# Those that suit rows which stay; windows of time are for tables whose rows expire, and these say so themselves.
_COMPACTION = {
    "size_tiered": "SizeTieredCompactionStrategy",
    "leveled": "LeveledCompactionStrategy",
    "unified": "UnifiedCompactionStrategy",
}
_EXAMPLES = (
    "use sqlite:///absolute/folder, such as sqlite:///var/lib/aviary,"
    " or cassandra://user:password@host,host/prefix?dc=datacenter"
)


@dataclass(frozen=True, slots=True)
class SqliteUrl:
    """`sqlite:///absolute/folder` or `sqlite:relative/folder`: each service keeps `<service>.db` in it."""

    folder: Path

    def file_of(self, service: str) -> Path:
        """The file of one service."""
        return self.folder / f"{service}.db"


@dataclass(frozen=True, slots=True)
class CassandraUrl:
    """`cassandra://user:password@host[:port][,host...]/prefix?dc=datacenter` and options, each `&name=value`.

    Each service keeps its rows in the keyspace `<prefix>_<its short name>`. With `tls=true`, servers must show a
    certificate for their address that the system's authorities, or those of `ca_file`, have signed.

    `replication=3`, or `replication=here:3,there:2`, is for a keyspace that is not there yet: the service makes it.
    With `compaction` (size_tiered, leveled, unified) it makes those of its tables whose definition leaves that open.
    """

    hosts: tuple[str, ...]
    port: int
    user: str
    password: str = field(repr=False)
    prefix: str
    datacenter: str
    has_tls: bool = False
    ca_file: Path | None = None
    # Copies in each datacenter; none when the operator makes the keyspaces.
    replication: tuple[tuple[str, int], ...] = ()
    # The class; "" is what the cluster takes for a table that names none.
    compaction: str = ""

    def keyspace_of(self, component: str) -> str:
        """The keyspace of one service, by its short name ("tweet")."""
        return f"{self.prefix}_{component}"


StoreUrl: TypeAlias = SqliteUrl | CassandraUrl


def parse_store_url(url: str) -> StoreUrl:
    """The engine that `url` names. For others it raises ValueError, with an example and no password."""
    try:
        parts = urlsplit(url)
    except ValueError:  # its text has the part that is wrong
        raise ValueError(f"this is no URL; {_EXAMPLES}") from None
    if parts.scheme == "cassandra":
        return _cassandra(parts)
    folder = unquote(parts.path)
    if parts.scheme != "sqlite" or parts.netloc or parts.query or parts.fragment or not folder:
        shown = url if parts.scheme == "sqlite" else f"{parts.scheme}:..."
        raise ValueError(f"{shown!r} is no store URL; {_EXAMPLES}")
    return SqliteUrl(Path(folder))


def _cassandra(parts: SplitResult) -> CassandraUrl:
    credentials, _, addresses = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    hosts, ports = [], set()
    for address in addresses.split(","):
        host, _, port = address.partition(":")
        hosts.append(host)
        ports.add(port or str(CQL_PORT))
    mistakes = [
        (not credentials and "@" in parts.geturl(), "has a password with / ? or # that is not percent-encoded"),
        (not all(hosts), "names no host"),
        (not all(port.isdecimal() and 0 < int(port) < 65536 for port in ports), "has a port that is no number"),
        (len(ports) > 1, "has several ports; all nodes listen on one"),
        (not user or not password, "lacks user:password@"),
        (not _PREFIX.fullmatch(parts.path[1:]), "needs /prefix of keyspaces: lower-case letters, digits and _"),
        (not options.get("dc"), "lacks ?dc=, the name of the local datacenter"),
        (bool(options.keys() - _OPTIONS), f"has an option other than {', '.join(sorted(_OPTIONS))}"),
        (options.get("tls", "true") not in {"true", "false"}, "has a tls other than true and false"),
        ("ca_file" in options and options.get("tls") != "true", "has a ca_file without tls=true"),
        (not _REPLICATION.fullmatch(options.get("replication", "1")), "has a replication other than 3 or dc1:3,dc2:3"),
        (
            options.get("compaction", "unified") not in _COMPACTION,
            f"has a compaction other than {', '.join(_COMPACTION)}",
        ),
    ]
    for is_so, what in mistakes:
        if is_so:
            raise ValueError(f"{what}; use cassandra://user:password@host[:port][,host...]/prefix?dc=datacenter")
    return CassandraUrl(
        hosts=tuple(hosts),
        port=int(ports.pop()),
        user=unquote(user),
        password=unquote(password),
        prefix=parts.path[1:],
        datacenter=options["dc"],
        has_tls=options.get("tls") == "true",
        ca_file=Path(options["ca_file"]) if "ca_file" in options else None,
        replication=_copies(options.get("replication", ""), datacenter=options["dc"]),
        compaction=_COMPACTION[options["compaction"]] if "compaction" in options else "",
    )


def _copies(text: str, *, datacenter: str) -> tuple[tuple[str, int], ...]:
    """Of a replication that is well formed, in the order of the datacenters' names."""
    named = [each.rpartition(":") for each in text.split(",") if each]
    return tuple(sorted((name or datacenter, int(copies)) for name, _, copies in named))
