"""Tokens of a session: access tokens, signed and short-lived; refresh tokens, random, kept as their hash only."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from mesh.clock import Clock
from mesh.keys import SigningKey
from mesh.signing import ACCESS_LIFETIME, sign_access_token

REFRESH_LIFETIME = timedelta(days=30)
# Everything that a user may do; narrower tokens have nobody who asks for them yet.
SCOPES = ("tweet:write", "graph:write", "engagement:write", "user:write", "timeline:read")


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A token that a client may exchange once for new ones; `expires_us` is microseconds since 1970."""

    text: str = field(repr=False)
    expires_us: int

    @property
    def hash(self) -> bytes:
        """What is stored of it."""
        return refresh_token_hash(self.text)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token; `expires_us` is microseconds since 1970."""

    text: str = field(repr=False)
    expires_us: int


def new_refresh_token(*, clock: Clock) -> RefreshToken:
    """256 random bits, good for 30 days."""
    return RefreshToken(secrets.token_urlsafe(32), clock.now_us() + REFRESH_LIFETIME // timedelta(microseconds=1))


def refresh_token_hash(text: str) -> bytes:
    """SHA-256: the token is random, so a fast hash cannot be searched, and a stolen store opens no session."""
    return hashlib.sha256(text.encode()).digest()


def new_access_token(user_id: int, *, key: SigningKey, clock: Clock) -> AccessToken:
    """A token of 15 minutes with every scope of a user."""
    expires_s = clock.now_us() // 1_000_000 + int(ACCESS_LIFETIME.total_seconds())
    text = sign_access_token(key, user_id=user_id, clock=clock, scopes=SCOPES)
    return AccessToken(text, expires_s * 1_000_000)
