"""SessionStore on Cassandra: a session knows its one good refresh token, and a token its session.

Which token is good changes by a condition in the session's partition; that is what makes an exchange happen once.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from mesh.errors import Unavailable
from mesh.storage.cassandra import Cassandra, Statement
from user_svc.model import RefreshTokenExpired, RefreshTokenInvalid, Session
from user_svc.store.interface import SessionStore

# So long is told that a token has expired; then it is unknown.
ENDED_KEPT = timedelta(hours=24)
# Sessions change by conditions, which have the time of the servers' clocks: a login comes before all of them.
_OPEN = Statement(
    "sessions.open",
    "INSERT INTO sessions (session_id, user_id, token_hash) VALUES (?, ?, ?) USING TIMESTAMP 1 AND TTL ?",
)
_GET = Statement("sessions.get", "SELECT user_id, token_hash FROM sessions WHERE session_id = ?")
_GET_SETTLED = Statement("sessions.get_settled", "SELECT token_hash FROM sessions WHERE session_id = ?", is_serial=True)
_EXCHANGE = Statement(
    "sessions.exchange",
    "UPDATE sessions USING TTL ? SET user_id = ?, token_hash = ? WHERE session_id = ? IF token_hash = ?",
)
_REVOKE = Statement("sessions.revoke", "DELETE FROM sessions WHERE session_id = ? IF token_hash != ?")
_SAVE_TOKEN = Statement(
    "refresh_tokens.save",
    "INSERT INTO refresh_tokens (token_hash, session_id, expires_us) VALUES (?, ?, ?) USING TIMESTAMP ? AND TTL ?",
)
_TOKEN = Statement("refresh_tokens.get", "SELECT session_id, expires_us FROM refresh_tokens WHERE token_hash = ?")


class CassandraSessionStore(SessionStore):
    """The tables sessions and refresh_tokens."""

    def __init__(self, cassandra: Cassandra) -> None:
        self._cassandra = cassandra

    async def open_session(self, session: Session, *, token_hash: bytes, expires_us: int, at_us: int) -> None:
        ttl = _ttl(expires_us, at_us)
        await asyncio.gather(
            self._cassandra.run(_SAVE_TOKEN, token_hash, session.session_id, expires_us, at_us, ttl),
            self._cassandra.run(_OPEN, session.session_id, session.user_id, token_hash, ttl),
        )

    async def rotate(self, token_hash: bytes, *, successor_hash: bytes, expires_us: int, at_us: int) -> Session:
        for session_id, ends_us in await self._cassandra.run(_TOKEN, token_hash):
            for user_id, good_hash in await self._cassandra.run(_GET, session_id):
                session = Session(session_id, user_id)
                if good_hash == token_hash:
                    if ends_us <= at_us:
                        raise RefreshTokenExpired
                    # Before the exchange: a token that was given out is known. One that was not is nobody's.
                    ttl = _ttl(expires_us, at_us)
                    await self._cassandra.run(_SAVE_TOKEN, successor_hash, session_id, expires_us, at_us, ttl)
                    if await self._exchange(session, token_hash, successor_hash, ttl=ttl):
                        return session
                await self._revoke(session, token_hash)
        raise RefreshTokenInvalid

    async def _exchange(self, session: Session, token_hash: bytes, successor_hash: bytes, *, ttl: int) -> bool:
        """Whether this call made the successor the session's good token. Raises Unavailable."""
        with suppress(Unavailable):
            return await self._cassandra.applied(
                _EXCHANGE, ttl, session.user_id, successor_hash, session.session_id, token_hash
            )
        for (good_hash,) in await self._cassandra.run(_GET_SETTLED, session.session_id):
            if good_hash == token_hash:
                raise Unavailable.backend("the store")  # not exchanged, but it may still be
            return bool(good_hash == successor_hash)
        return False

    async def _revoke(self, session: Session, token_hash: bytes) -> None:
        """End the session, because this token of it came again. Raises Unavailable, also if it is the good one."""
        if not await self._cassandra.applied(_REVOKE, session.session_id, token_hash):
            raise Unavailable.backend("the store")


def _ttl(expires_us: int, at_us: int) -> int:
    """Seconds until a token that expires then is forgotten."""
    return max(0, -(-(expires_us - at_us) // 1_000_000)) + int(ENDED_KEPT.total_seconds())
