"""Ed25519 keys: making them, reading them, and the JWKS file that tells every service's public key (RFC 8037).

A key belongs to one owner, a service or "operator"; its kid is `<owner>:<thumbprint>` (RFC 7638).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


class BrokenKeys(Exception):
    """A key file that cannot be used; the text names the file and never holds key material."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and whose it is."""

    owner: str
    private: Ed25519PrivateKey = field(repr=False)

    @property
    def kid(self) -> str:
        """Name of the key in token headers and in the JWKS file."""
        return _kid(self.owner, _encoded(self.private.public_key()))

    def pem(self) -> bytes:
        """The private key, unencrypted PKCS 8."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def jwk(self) -> dict[str, str]:
        """The public half, as it stands in the JWKS file."""
        x = _encoded(self.private.public_key())
        return {"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "use": "sig", "alg": "EdDSA", "x": x}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key and whose it is."""

    owner: str
    public: Ed25519PublicKey


def new_signing_key(owner: str) -> SigningKey:
    """A new random key."""
    return SigningKey(owner, Ed25519PrivateKey.generate())


def read_signing_key(owner: str, path: Path) -> SigningKey:
    """The key in a PEM file. Raises BrokenKeys."""
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise BrokenKeys(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BrokenKeys(f"{path} is no unencrypted private key in PEM") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise BrokenKeys(f"{path} is no Ed25519 key")
    return SigningKey(owner, private)


def jwks(keys: Iterable[SigningKey]) -> str:
    """The text of a JWKS file (RFC 7517) with the public halves of `keys`."""
    return json.dumps({"keys": [key.jwk() for key in keys]}, indent=2) + "\n"


def read_jwks(path: Path) -> dict[str, PublicKey]:
    """The keys of a JWKS file by kid. Raises BrokenKeys for a file with anything else in it."""
    try:
        keys: list[Mapping[str, str]] = json.loads(path.read_bytes())["keys"]
        return {entry["kid"]: _public(entry) for entry in keys}
    except OSError as error:
        raise BrokenKeys(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BrokenKeys(f"{path} is no JWKS file of Ed25519 keys named <owner>:<thumbprint>") from None


def _public(entry: Mapping[str, str]) -> PublicKey:
    owner = entry["kid"].partition(":")[0]
    expected = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": _kid(owner, entry["x"])}
    if not owner or any(entry[name] != value for name, value in expected.items()):
        raise ValueError("not one of our keys")
    return PublicKey(owner, Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(entry["x"] + "=")))


def _kid(owner: str, x: str) -> str:
    required = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"))
    return f"{owner}:{_base64url(hashlib.sha256(required.encode()).digest())}"


def _encoded(public: Ed25519PublicKey) -> str:
    return _base64url(public.public_bytes_raw())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
