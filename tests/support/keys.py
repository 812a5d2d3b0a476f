"""Keys and tokens of the tests: one key, trusted as everybody's, so that any test may play any caller."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from mesh.clock import Clock, SystemClock
from mesh.keys import SigningKey, jwks, new_signing_key
from mesh.signing import sign_access_token, sign_service_token

OWNERS = ("user_svc", "tweet_svc", "graph_svc", "engagement_svc", "timeline_svc", "operator")
USER_SCOPES = ("tweet:write", "graph:write", "engagement:write", "timeline:read", "user:write")


@cache
def signing_key(owner: str) -> SigningKey:
    """The key of this run under one owner's name."""
    return SigningKey(owner, _key().private)


@cache
def _key() -> SigningKey:
    return new_signing_key("any")


def write_keys(folder: Path) -> tuple[Path, Path]:
    """Write jwks.json with everybody's public key, and service.pem with the private one; returns both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    jwks_file, key_file = folder / "jwks.json", folder / "service.pem"
    jwks_file.write_text(jwks(signing_key(owner) for owner in OWNERS))
    key_file.write_bytes(_key().pem())
    return jwks_file, key_file


def issue_user_token(user_id: int, scopes: Iterable[str] = (), *, clock: Clock | None = None) -> str:
    """A user's access token with these scopes; with all that the contract knows when none is named."""
    return sign_access_token(
        signing_key("user_svc"), user_id=user_id, clock=clock or SystemClock(), scopes=scopes or USER_SCOPES
    )


def issue_service_token(service: str, scopes: Iterable[str] = (), *, clock: Clock | None = None) -> str:
    """A service's own token, or an operator's."""
    return sign_service_token(signing_key(service), clock=clock or SystemClock(), scopes=scopes)
