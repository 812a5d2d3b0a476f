"""What is in the tokens of a session, and what is not told of them."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

from mesh.clock import FrozenClock
from mesh.tokens import TokenVerifier
from tests.support.keys import signing_key, write_keys
from user_svc.tokens import SCOPES, new_access_token, new_refresh_token, refresh_token_hash


def test_a_refresh_token_is_random_long_and_kept_as_its_hash() -> None:
    clock = FrozenClock()
    first, second = new_refresh_token(clock=clock), new_refresh_token(clock=clock)
    assert first.text != second.text
    assert len(first.text) == 43
    assert first.hash == refresh_token_hash(first.text) == hashlib.sha256(first.text.encode()).digest()
    assert first.expires_us - clock.now_us() == timedelta(days=30) // timedelta(microseconds=1)


def test_an_access_token_is_of_the_user_with_every_scope_and_ends_as_told(tmp_path: Path) -> None:
    clock = FrozenClock()
    clock.advance(timedelta(microseconds=999_999))
    access = new_access_token(42, key=signing_key("user_svc"), clock=clock)
    jwks_file, _ = write_keys(tmp_path)
    caller = TokenVerifier(jwks_file, clock).verify(access.text)
    assert (caller.user_id, caller.scopes) == (42, frozenset(SCOPES))
    left_us = access.expires_us - clock.now_us()
    assert timedelta(minutes=14, seconds=59) <= timedelta(microseconds=left_us) <= timedelta(minutes=15)


def test_tokens_are_not_in_their_text() -> None:
    clock = FrozenClock()
    refresh = new_refresh_token(clock=clock)
    access = new_access_token(42, key=signing_key("user_svc"), clock=clock)
    assert refresh.text not in repr(refresh)
    assert access.text not in repr(access)
