"""Signs short-lived tokens: user_svc's for users, every service's own for itself, an operator's for grpcurl."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import jwt

from mesh.clock import Clock
from mesh.keys import SigningKey, read_signing_key

ALGORITHM = "EdDSA"
ISSUER = "aviary"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type, no secret
USER_TOKEN_SIGNER = "user_svc"  # noqa: S105 - a service's name
ACCESS_LIFETIME = timedelta(minutes=15)
SERVICE_LIFETIME = timedelta(minutes=5)
RENEW_BEFORE = timedelta(minutes=1)


def sign_access_token(
    key: SigningKey, *, user_id: int, clock: Clock, scopes: Iterable[str] = (), lifetime: timedelta = ACCESS_LIFETIME
) -> str:
    """A token whose subject is a user. It counts only when `key` is user_svc's."""
    return sign_token(key, subject=str(user_id), clock=clock, scopes=scopes, lifetime=lifetime)


def sign_service_token(
    key: SigningKey, *, clock: Clock, scopes: Iterable[str] = (), lifetime: timedelta = SERVICE_LIFETIME
) -> str:
    """A token whose subject is the owner of `key`."""
    return sign_token(key, subject=f"svc:{key.owner}", clock=clock, scopes=scopes, lifetime=lifetime)


def sign_token(key: SigningKey, *, subject: str, clock: Clock, scopes: Iterable[str], lifetime: timedelta) -> str:
    """A token in the one form that TokenVerifier takes."""
    now = clock.now_us() // 1_000_000
    claims: dict[str, object] = {"iss": ISSUER, "aud": ISSUER, "sub": subject, "iat": now}
    claims["exp"] = now + int(lifetime.total_seconds())
    if scope := " ".join(scopes):
        claims["scope"] = scope
    return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"typ": TOKEN_TYPE, "kid": key.kid})


class ServiceTokens:
    """A service's own token, signed anew a minute before it expires."""

    def __init__(self, service: str, key_file: Path, clock: Clock) -> None:
        """Read the key. Raises BrokenKeys."""
        self._key = read_signing_key(service, key_file)
        self._clock = clock
        self._token = ""
        self._renew_us = 0

    def token(self) -> str:
        """A token that is good for at least a minute."""
        now_us = self._clock.now_us()
        if now_us >= self._renew_us:
            self._token = sign_service_token(self._key, clock=self._clock)
            self._renew_us = now_us + int((SERVICE_LIFETIME - RENEW_BEFORE) / timedelta(microseconds=1))
        return self._token
