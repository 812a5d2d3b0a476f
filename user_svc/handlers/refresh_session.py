"""Turns a refresh token into new tokens."""

from __future__ import annotations

from aviary.auth.v1.auth_service_pb2 import RefreshSessionRequest, RefreshSessionResponse
from mesh.clock import Clock
from mesh.keys import SigningKey
from user_svc.convert import to_token_pair
from user_svc.store import SessionStore
from user_svc.tokens import new_access_token, new_refresh_token, refresh_token_hash


async def refresh_session(
    request: RefreshSessionRequest, *, sessions: SessionStore, key: SigningKey, clock: Clock
) -> RefreshSessionResponse:
    """New tokens; the old refresh token dies. One that comes a second time ends its session (RFC 9700, 4.14.2)."""
    refresh = new_refresh_token(clock=clock)
    session = await sessions.rotate(
        refresh_token_hash(request.refresh_token),
        successor_hash=refresh.hash,
        expires_us=refresh.expires_us,
        at_us=clock.now_us(),
    )
    access = new_access_token(session.user_id, key=key, clock=clock)
    return RefreshSessionResponse(tokens=to_token_pair(access, refresh))
