"""The settings of the edge; each flag of the command line stands in for a variable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import orjson

from edge_proxy.cors import checked_origins
from edge_proxy.descriptor_set import BrokenDescriptors, Contracts, read_descriptor_set
from mesh.env import setting
from mesh.keys import BrokenKeys, read_jwks


def _host_and_port(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("must be host:port, such as 127.0.0.1:8080")
    return text


def _optional_host_and_port(text: str) -> str:
    return _host_and_port(text) if text else ""


def _upstreams(text: str) -> Mapping[str, str]:
    targets: dict[str, str] = {}
    for entry in text.split():
        service, _, address = entry.partition("=")
        if not service or not address:
            raise ValueError(f"{entry!r} must be pkg.Service=host:port")
        if service in targets:
            raise ValueError(f"{service} has two upstreams; write copies of it as host:port,host:port")
        targets[service] = _target(address)
    return targets


def _target(address: str) -> str:
    """The gRPC target of "host:port", of several "ip:port" with commas, or of what is a target already."""
    if "://" in address or address.startswith(("unix:", "ipv4:", "ipv6:", "dns:")):
        return address
    hosts = [_host_and_port(each).rpartition(":")[0] for each in address.split(",")]
    if all(host.replace(".", "").isdecimal() for host in hosts):
        return f"ipv4:{address}"
    if all(host.startswith("[") for host in hosts):
        return f"ipv6:{address}"
    if len(hosts) > 1:
        raise ValueError(f"{address!r}: several addresses must be IP addresses; one name may have several")
    return f"dns:///{address}"


def _contracts(text: str) -> Contracts:
    try:
        return read_descriptor_set(Path(text))
    except BrokenDescriptors as broken:
        raise ValueError("; ".join(broken.mistakes)) from broken


def _openapi(text: str) -> bytes:
    try:
        content = Path(text).read_bytes()
        document = orjson.loads(content)
    except OSError as error:
        raise ValueError(str(error.strerror)) from error
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}") from error
    version = document.get("openapi") if isinstance(document, dict) else None
    if not isinstance(version, str) or not version.startswith("3."):
        raise ValueError("is no OpenAPI 3 document; write one with python -m tools.openapi")
    return content


def _jwks_file(text: str) -> Path:
    try:
        read_jwks(Path(text))
    except BrokenKeys as error:
        raise ValueError(str(error)) from error
    return Path(text)


def _error_format(text: str) -> str:
    if text not in {"aip193", "status"}:
        raise ValueError("must be aip193 or status")
    return text


def _log_level(text: str) -> str:
    if text not in {"debug", "info", "warning", "error"}:
        raise ValueError("must be debug, info, warning or error")
    return text


@dataclass(frozen=True)
class ConnectionLimits:
    """How long a client may keep a connection waiting, and how many of them it may have."""

    header_time: timedelta = setting(
        "AVIARY_EDGE_HEADER_SECONDS",
        timedelta(seconds=8),
        help="time from the first byte of a request, or from the connection, to the end of the headers",
        unit="seconds",
        least=0.1,
    )
    body_time: timedelta = setting(
        "AVIARY_EDGE_BODY_SECONDS",
        timedelta(seconds=12),
        help="time for the body of a request",
        unit="seconds",
        least=0.1,
    )
    reader_time: timedelta = setting(
        "AVIARY_EDGE_READER_SECONDS",
        timedelta(seconds=25),
        help="how long a client may leave an answer unread while more of it waits",
        unit="seconds",
        least=0.1,
    )
    per_address: int = setting(
        "AVIARY_EDGE_CONNECTIONS_PER_ADDRESS",
        1000,
        help="connections from one address; a proxy in front is one address, too; 0 for any number",
        least=0,
    )


@dataclass(frozen=True)
class EdgeConfig:
    """Where the edge listens, what it serves, and whom it calls."""

    listen: str = setting(
        "AVIARY_EDGE_LISTEN", "127.0.0.1:8080", help="address of the HTTP server", parse=_host_and_port
    )
    contracts: Contracts = setting(
        "AVIARY_EDGE_DESCRIPTORS",
        help="the contracts: a FileDescriptorSet with imports, as buf build writes it",
        parse=_contracts,
    )
    upstreams: Mapping[str, str] = setting(
        "AVIARY_EDGE_UPSTREAMS",
        help="where each service is",
        unit="pkg.Service=host:port, separated by spaces",
        parse=_upstreams,
    )
    openapi: bytes | None = setting(
        "AVIARY_EDGE_OPENAPI",
        None,
        help="the OpenAPI document that /openapi.json answers and /docs shows; without it neither is there",
        parse=_openapi,
    )
    jwks_file: Path | None = setting(
        "AVIARY_JWKS_FILE",
        None,
        help="public keys that tokens are checked with; without it no token is checked",
        parse=_jwks_file,
    )
    metrics_listen: str = setting(
        "AVIARY_METRICS_LISTEN", "", help="address of /metrics; empty for none", parse=_optional_host_and_port
    )
    aliases: bool = setting("AVIARY_EDGE_ALIASES", True, help="serve the aliases in the contracts")  # noqa: FBT003 - a default
    error_format: str = setting(
        "EDGE_ERROR_FORMAT",
        "aip193",
        help="body of an error: aip193, or status for a bare google.rpc.Status",
        parse=_error_format,
    )
    stream_time: timedelta = setting(
        "AVIARY_EDGE_STREAM_SECONDS",
        timedelta(minutes=15),
        help="how long a stream may last whose contract does not say",
        unit="seconds",
        least=1,
    )
    keep_alive: timedelta = setting(
        "AVIARY_EDGE_KEEP_ALIVE_SECONDS",
        timedelta(seconds=15),
        help="after how long without a message a stream of events says that it lives",
        unit="seconds",
        least=0.1,
    )
    cors_origins: str = setting(
        "AVIARY_EDGE_CORS_ORIGINS",
        "",
        help="origins whose pages may call, such as https://app.example; empty for none",
        unit="separated by spaces",
        parse=checked_origins,
    )
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    log_level: str = setting("AVIARY_LOG_LEVEL", "info", help="debug, info, warning or error", parse=_log_level)
