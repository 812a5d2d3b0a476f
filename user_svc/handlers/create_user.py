"""Signs up: check, claim the key, hash the password, save account and event together."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from aviary.type.v1.user_pb2 import User
from aviary.user.v1.user_service_pb2 import CreateUserRequest, CreateUserResponse
from mesh.clock import Clock
from mesh.failpoints import fp
from mesh.ids import IdSource
from user_svc import events
from user_svc.clients.cards import Cards
from user_svc.convert import to_message
from user_svc.model import (
    Account,
    EmailTaken,
    SignUpKey,
    UsernameTaken,
    checked_bio,
    checked_display_name,
    username_key,
)
from user_svc.passwords import Passwords, check_strength
from user_svc.store import UserStore


async def create_user(
    request: CreateUserRequest,
    *,
    store: UserStore,
    cards: Cards,
    passwords: Passwords,
    ids: IdSource,
    clock: Clock,
    tell_replayed: Callable[[], Awaitable[None]],
) -> CreateUserResponse:
    """The new account; with a key that came before, the account that it made, if the password is that account's.

    Nobody has logged in here, so the password is what proves that a repeat comes from the same person: with another
    one the name is simply taken.
    """
    display_name = checked_display_name(request.display_name, field_name="displayName", username=request.username)
    bio = checked_bio(request.bio, field_name="bio")
    check_strength(request.password, username=request.username, email=request.email)
    user_id = await _claimed_id(request, store=store, candidate_id=ids.next_id(), clock=clock)
    fp("sign_up.claimed")
    stored = await _stored(request, user_id, store)
    if stored is None:
        password_hash = await passwords.hash(request.password)
        fp("sign_up.hashed")
        at_us = clock.now_us()
        account = Account(user_id, request.username, request.email, password_hash, display_name, bio, "", at_us, at_us)
        announce = events.user_changed(user_id, event_id=user_id, at_us=at_us)
        stored = await store.create(account, announce=announce, at_us=at_us)
        fp("sign_up.committed")
        if stored == account:
            return CreateUserResponse(user=_new(account))
    if not await passwords.verify(request.password, stored.password_hash):
        raise UsernameTaken
    await tell_replayed()
    users = await cards.many([stored])
    return CreateUserResponse(user=users[0])


async def _claimed_id(request: CreateUserRequest, *, store: UserStore, candidate_id: int, clock: Clock) -> int:
    if not request.request_id:
        return candidate_id
    key = SignUpKey(request.username, request.request_id)
    claim = await store.claim(key, request_hash=_hash(request), candidate_id=candidate_id, at_us=clock.now_us())
    return claim.user_id


def _hash(request: CreateUserRequest) -> bytes:
    # Without the password: a hash of it outside of argon2 could be searched.
    public = CreateUserRequest()
    public.CopyFrom(request)
    public.ClearField("request_id")
    public.ClearField("password")
    return hashlib.sha256(public.SerializeToString(deterministic=True)).digest()


async def _stored(request: CreateUserRequest, user_id: int, store: UserStore) -> Account | None:
    """What the key made before. Raises when somebody else has the name or the address, before a hash is paid for."""
    holder = (await store.by_usernames([request.username])).get(username_key(request.username))
    if holder is not None:
        if holder.user_id != user_id:
            raise UsernameTaken
        return holder
    if await store.by_email(request.email):
        raise EmailTaken
    return None


def _new(account: Account) -> User:
    """Nobody can have followed it yet: zeros that are known, without asking."""
    user = to_message(account)
    user.counts.SetInParent()
    return user
