"""Keys and passwords of one mesh, made at its first start and kept in its data directory."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from dev_mesh.mesh_file import NotRunning, write_private
from mesh.clock import Clock
from mesh.keys import SigningKey, jwks, new_signing_key, read_signing_key
from mesh.signing import sign_service_token

OPERATOR = "operator"
OPERATOR_TOKEN_LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Keys:
    """Where the keys are, and the secrets that go into settings and configurations."""

    folder: Path
    jwks_file: Path
    page_token_key: str = field(repr=False)
    redis_password: str = field(repr=False)
    nats_password: str = field(repr=False)

    def file_of(self, owner: str) -> Path:
        """The private key of a service."""
        return self.folder / f"{owner}.pem"


def prepare_keys(data_dir: Path, services: Sequence[str]) -> Keys:
    """Read the keys, and make those that are missing. Raises mesh.keys.BrokenKeys."""
    folder = data_dir / "keys"
    folder.mkdir(mode=0o700, exist_ok=True)
    keys = [_signing_key(folder, owner) for owner in (*services, OPERATOR)]
    jwks_file = folder / "jwks.json"
    write_private(jwks_file, jwks(keys))
    return Keys(
        folder=folder,
        jwks_file=jwks_file,
        page_token_key=kept_secret(folder / "page_token.key"),
        redis_password=kept_secret(folder / "redis.password"),
        nats_password=kept_secret(folder / "nats.password"),
    )


def operator_token(data_dir: Path, *, scopes: Sequence[str], clock: Clock) -> str:
    """A token of 15 minutes for grpcurl. Raises NotRunning when the data directory has no operator's key yet."""
    file = data_dir / "keys" / f"{OPERATOR}.pem"
    if not file.exists():
        raise NotRunning(f"{data_dir} holds no operator's key; start a mesh on it first, with `make up`")
    key = read_signing_key(OPERATOR, file)
    return sign_service_token(key, clock=clock, scopes=scopes, lifetime=OPERATOR_TOKEN_LIFETIME)


def _signing_key(folder: Path, owner: str) -> SigningKey:
    file = folder / f"{owner}.pem"
    if not file.exists():
        write_private(file, new_signing_key(owner).pem().decode())
    return read_signing_key(owner, file)


def kept_secret(file: Path) -> str:
    """The secret in the file; a random one of 256 bits is written there first when there is none."""
    if not file.exists():
        write_private(file, secrets.token_hex(32))
    return file.read_text()
