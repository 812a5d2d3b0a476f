"""Verifies Ed25519 JWTs: who signed them, for whom, until when. PyJWT leaves most of that open unless it is asked.

Sources: RFC 7519 (JWT), RFC 8725 (best practice), RFC 9068 (typ at+jwt).
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from pathlib import Path
from typing import TypeGuard

import jwt

from mesh.caller import Caller
from mesh.clock import Clock
from mesh.errors import Unauthenticated
from mesh.keys import BrokenKeys, PublicKey, read_jwks
from mesh.signing import ALGORITHM, ISSUER, TOKEN_TYPE, USER_TOKEN_SIGNER, ServiceTokens, sign_access_token

__all__ = ["ServiceTokens", "TokenVerifier", "sign_access_token"]

LONGEST_TOKEN = 8 * 1024
LONGEST_LIFETIME_SECONDS = 3600
LEEWAY_SECONDS = 5
MOST_REMEMBERED = 4096
RELOAD_SECONDS = 30.0
MOST_USER_ID = 2**63 - 1

_USER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_SERVICE = re.compile(r"svc:([a-z][a-z0-9_]{0,63})", re.ASCII)

logger = logging.getLogger(__name__)


class TokenVerifier:
    """Turns a token into a Caller, by the keys of a JWKS file.

    The file is read again when it changed, which is looked for every 30 s, and at an unknown key, at most every 30 s:
    a key that was taken out counts no longer than that, nor does any token remembered by it. Raises BrokenKeys when
    the file cannot be read at first; later the keys that were known stay in use.
    """

    def __init__(self, jwks_file: Path, clock: Clock) -> None:
        self._file = jwks_file
        self._clock = clock
        self._stamp = self._stamp_now()
        self._keys = read_jwks(jwks_file)
        self._read_at = self._looked_at = clock.monotonic()
        self._remembered: OrderedDict[str, tuple[float, Caller]] = OrderedDict()

    def verify(self, token: str) -> Caller:
        """The token's subject. Raises Unauthenticated: CREDENTIALS_EXPIRED, or CREDENTIALS_INVALID without a why."""
        self._look_for_change()
        now = self._clock.now_us() / 1_000_000
        known = self._remembered.get(token)
        if known is None:
            expires, caller = self._check(token, now)
            self._remembered[token] = (expires, caller)
            if len(self._remembered) > MOST_REMEMBERED:
                self._remembered.popitem(last=False)
            return caller
        if known[0] + LEEWAY_SECONDS <= now:
            del self._remembered[token]
            raise _expired()
        self._remembered.move_to_end(token)
        return known[1]

    def _check(self, token: str, now: float) -> tuple[float, Caller]:
        if len(token) > LONGEST_TOKEN:
            raise _invalid()
        try:  # JSON that PyJWT does not expect comes out as ValueError or TypeError
            header = jwt.get_unverified_header(token)
            key = self._key(header)
            options: jwt.types.Options = {
                "require": ["exp", "iat", "iss", "aud", "sub"],
                "strict_aud": True,
                "verify_exp": False,  # our own clock says what time it is
                "verify_iat": False,
                "verify_nbf": False,
            }
            claims = jwt.decode(
                token, key.public, algorithms=[ALGORITHM], issuer=ISSUER, audience=ISSUER, options=options
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            raise _invalid() from None
        expires = _checked_times(claims, now)
        return expires, _caller(claims, key.owner, token)

    def _key(self, header: dict[str, object]) -> PublicKey:
        # A key that the token brings along (jwk, jku, x5u) is not looked at.
        kid = header.get("kid")
        if header.get("alg") != ALGORITHM or header.get("typ") != TOKEN_TYPE or "crit" in header:
            raise _invalid()
        if not isinstance(kid, str):
            raise _invalid()
        if kid not in self._keys:
            self._reload()
        if kid not in self._keys:
            raise _invalid()
        return self._keys[kid]

    def _look_for_change(self) -> None:
        now = self._clock.monotonic()
        if now - self._looked_at >= RELOAD_SECONDS:
            self._looked_at = now
            if self._stamp_now() != self._stamp:
                self._read()

    def _reload(self) -> None:
        if self._clock.monotonic() - self._read_at >= RELOAD_SECONDS:
            self._read()

    def _read(self) -> None:
        self._read_at = self._clock.monotonic()
        stamp = self._stamp_now()  # before the file is read: a change after that is seen the next time
        try:
            keys = read_jwks(self._file)
        except BrokenKeys as error:
            logger.warning("the keys were not read again", extra={"fields": {"error": str(error)}})
            return
        self._keys, self._stamp = keys, stamp
        self._remembered.clear()

    def _stamp_now(self) -> tuple[int, int, int] | None:
        """What differs once the file was written or replaced; None for no file."""
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _checked_times(claims: dict[str, object], now: float) -> float:
    exp, iat, nbf = claims["exp"], claims["iat"], claims.get("nbf", 0)
    if not (_is_time(exp) and _is_time(iat) and _is_time(nbf)):
        raise _invalid()
    if exp - iat > LONGEST_LIFETIME_SECONDS or max(iat, nbf) > now + LEEWAY_SECONDS:
        raise _invalid()
    if exp + LEEWAY_SECONDS <= now:
        raise _expired()
    return exp


def _is_time(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12


def _caller(claims: dict[str, object], owner: str, token: str) -> Caller:
    subject, scope = claims["sub"], claims.get("scope", "")
    if not isinstance(subject, str) or not isinstance(scope, str):
        raise _invalid()
    scopes = frozenset(scope.split())
    if _USER.fullmatch(subject) and int(subject) <= MOST_USER_ID and owner == USER_TOKEN_SIGNER:
        return Caller(user_id=int(subject), scopes=scopes, token=token)
    service = _SERVICE.fullmatch(subject)
    if service and service[1] == owner:
        return Caller(service=owner, scopes=scopes, token=token)
    raise _invalid()


def _invalid() -> Unauthenticated:
    return Unauthenticated("CREDENTIALS_INVALID", "the token is not valid")


def _expired() -> Unauthenticated:
    return Unauthenticated("CREDENTIALS_EXPIRED", "the token has expired")
