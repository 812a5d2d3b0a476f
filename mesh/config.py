"""The settings that every service has; a service's own config holds a MeshConfig as its field `mesh`."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from mesh.env import setting
from mesh.failpoints import checked_failpoints
from mesh.storage.url import CassandraUrl, parse_store_url

SHORTEST_PAGE_TOKEN_KEY = 32


def _host_and_port(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("must be host:port, such as 127.0.0.1:9000")
    return text


def _optional_host_and_port(text: str) -> str:
    return _host_and_port(text) if text else ""


def _store_url(text: str) -> str:
    url = parse_store_url(text)
    if isinstance(url, CassandraUrl) and url.ca_file:
        try:
            ssl.create_default_context(cafile=url.ca_file)
        except OSError as error:
            raise ValueError(f"{url.ca_file} holds no certificate: {error.strerror}") from None
    return text


def _nats_url(text: str) -> str:
    return _url(text, schemes=("nats", "tls"), example="nats://127.0.0.1:4222")


def _redis_url(text: str) -> str:
    return _url(text, schemes=("redis", "rediss", "unix"), example="redis://127.0.0.1:6379/0")


def _url(text: str, *, schemes: tuple[str, ...], example: str) -> str:
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in schemes and bool(parts.hostname or parts.scheme == "unix")
    except ValueError:  # its text has the part that is wrong, which may be a password
        is_one = False
    if not is_one:
        raise ValueError(f"must be a URL such as {example}")
    return text


def _target(text: str) -> str:
    if not text or text != text.strip():
        raise ValueError("must be a gRPC target, such as ipv4:127.0.0.1:8081 or dns:///user:50051")
    return text


def _page_token_key(text: str) -> str:
    if len(text) < SHORTEST_PAGE_TOKEN_KEY:
        raise ValueError(f"must have at least {SHORTEST_PAGE_TOKEN_KEY} characters")
    return text


def _log_level(text: str) -> str:
    if text not in {"debug", "info", "warning", "error"}:
        raise ValueError("must be debug, info, warning or error")
    return text


@dataclass(frozen=True)
class MeshConfig:
    """Where the process listens, whom it trusts, and where its engines and the other services are."""

    listen: str = setting("AVIARY_LISTEN", "127.0.0.1:9000", help="address of the gRPC server", parse=_host_and_port)
    metrics_listen: str = setting(
        "AVIARY_METRICS_LISTEN", "", help="address of /metrics; empty for none", parse=_optional_host_and_port
    )
    store_url: str = setting(
        "AVIARY_STORE_URL",
        "sqlite:.data",
        help="where stores keep their rows, sqlite:.data if not set; a SQLite folder, or a keyspace of Cassandra",
        secret=True,
        parse=_store_url,
    )
    bus_url: str = setting(
        "AVIARY_BUS_URL", "nats://127.0.0.1:4222", help="NATS server with JetStream", secret=True, parse=_nats_url
    )
    redis_url: str = setting(
        "AVIARY_REDIS_URL",
        "redis://127.0.0.1:6379/0",
        help="Redis of caches and timelines",
        secret=True,
        parse=_redis_url,
    )
    jwks_file: Path = setting("AVIARY_JWKS_FILE", help="public keys of every service, a JWKS file")
    service_key_file: Path = setting("AVIARY_SERVICE_KEY_FILE", help="this service's own Ed25519 key, a PEM file")
    page_token_key: str = setting(
        "AVIARY_PAGE_TOKEN_KEY",
        help="signs page tokens, the same in every service",
        unit="at least 32 characters",
        secret=True,
        parse=_page_token_key,
    )
    log_level: str = setting("AVIARY_LOG_LEVEL", "info", help="debug, info, warning or error", parse=_log_level)
    failpoint: str = setting(
        "FAILPOINT",
        "",
        help="for tests only: where the process is to die, stop or fail, see mesh/failpoints.py",
        parse=checked_failpoints,
    )
    user_target: str = setting(
        "AVIARY_USER_TARGET", "ipv4:127.0.0.1:8081", help="gRPC target of user_svc", parse=_target
    )
    tweet_target: str = setting(
        "AVIARY_TWEET_TARGET", "ipv4:127.0.0.1:8082", help="gRPC target of tweet_svc", parse=_target
    )
    graph_target: str = setting(
        "AVIARY_GRAPH_TARGET", "ipv4:127.0.0.1:8083", help="gRPC target of graph_svc", parse=_target
    )
    engagement_target: str = setting(
        "AVIARY_ENGAGEMENT_TARGET", "ipv4:127.0.0.1:8084", help="gRPC target of engagement_svc", parse=_target
    )
    timeline_target: str = setting(
        "AVIARY_TIMELINE_TARGET", "ipv4:127.0.0.1:8085", help="gRPC target of timeline_svc", parse=_target
    )

    def targets(self) -> dict[str, str]:
        """The gRPC target of each service, by its short name."""
        return {
            "user": self.user_target,
            "tweet": self.tweet_target,
            "graph": self.graph_target,
            "engagement": self.engagement_target,
            "timeline": self.timeline_target,
        }


class HasMesh(Protocol):
    """A service's own config."""

    @property
    def mesh(self) -> MeshConfig:
        """What every service has."""
        ...
