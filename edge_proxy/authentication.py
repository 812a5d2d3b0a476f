"""Refuses a bad token early. A good one goes on unchanged: every service verifies it again and decides."""

from __future__ import annotations

from mesh.errors import Unauthenticated
from mesh.tokens import TokenVerifier


def check_token(authorization: str | None, *, auth: str, method: str, verifier: TokenVerifier) -> None:
    """Raise Unauthenticated when the token is not valid, or missing where `auth` wants one."""
    if auth == "NONE":
        return
    if authorization is None:
        if auth != "OPTIONAL":
            raise Unauthenticated("CREDENTIALS_MISSING", f"{method} needs a token; send Authorization: Bearer <token>")
        return
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("CREDENTIALS_INVALID", "send Authorization: Bearer <token>")
    verifier.verify(token)
