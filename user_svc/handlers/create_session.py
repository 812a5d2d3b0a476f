"""Logs in."""

from __future__ import annotations

from aviary.auth.v1.auth_service_pb2 import CreateSessionRequest, CreateSessionResponse
from mesh.clock import Clock
from mesh.errors import Unauthenticated
from mesh.ids import IdSource
from mesh.keys import SigningKey
from user_svc.convert import to_token_pair
from user_svc.model import Account, Session, username_key
from user_svc.passwords import Passwords
from user_svc.store import SessionStore, UserStore
from user_svc.tokens import new_access_token, new_refresh_token


async def create_session(
    request: CreateSessionRequest,
    *,
    users: UserStore,
    sessions: SessionStore,
    passwords: Passwords,
    key: SigningKey,
    ids: IdSource,
    clock: Clock,
) -> CreateSessionResponse:
    """Tokens for a new session. An unknown login and a wrong password take the same time and get the same answer."""
    account = await _account(request.login, users)
    is_right = await passwords.verify(request.password, account.password_hash if account else None)
    if account is None or not is_right:
        raise Unauthenticated("LOGIN_FAILED", "the login or the password is wrong")
    session = Session(ids.next_id(), account.user_id)
    refresh = new_refresh_token(clock=clock)
    await sessions.open_session(session, token_hash=refresh.hash, expires_us=refresh.expires_us, at_us=clock.now_us())
    access = new_access_token(account.user_id, key=key, clock=clock)
    return CreateSessionResponse(
        tokens=to_token_pair(access, refresh), user_id=account.user_id, session_id=session.session_id
    )


async def _account(login: str, users: UserStore) -> Account | None:
    if "@" in login:  # no username has one
        return await users.by_email(login)
    return (await users.by_usernames([login])).get(username_key(login))
