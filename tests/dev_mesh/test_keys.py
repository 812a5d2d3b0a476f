"""Keys are made once, stay private, and an operator's token is good for 15 minutes."""

from __future__ import annotations

import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from dev_mesh.keys import operator_token, prepare_keys
from dev_mesh.mesh_file import NotRunning
from mesh.clock import FrozenClock
from mesh.errors import Unauthenticated
from mesh.tokens import TokenVerifier


def test_a_second_start_finds_the_keys_of_the_first(tmp_path: Path) -> None:
    assert prepare_keys(tmp_path, ["user_svc"]) == prepare_keys(tmp_path, ["user_svc"])


def test_a_service_that_comes_later_gets_a_key_beside_the_old_ones(tmp_path: Path) -> None:
    before = prepare_keys(tmp_path, ["user_svc"]).file_of("user_svc").read_text()
    keys = prepare_keys(tmp_path, ["user_svc", "tweet_svc"])
    owners = [key["kid"].split(":")[0] for key in json.loads(keys.jwks_file.read_text())["keys"]]
    assert owners == ["user_svc", "tweet_svc", "operator"]
    assert keys.file_of("user_svc").read_text() == before


def test_nobody_else_may_read_them_and_they_are_not_shown(tmp_path: Path) -> None:
    keys = prepare_keys(tmp_path, ["user_svc"])
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in keys.folder.iterdir()} == {0o600}
    assert keys.redis_password not in repr(keys)
    assert keys.page_token_key not in repr(keys)


def test_an_operators_token_carries_its_scopes_for_fifteen_minutes(tmp_path: Path) -> None:
    clock = FrozenClock()
    keys = prepare_keys(tmp_path, ["user_svc"])
    token = operator_token(tmp_path, scopes=["mesh:admin"], clock=clock)
    verifier = TokenVerifier(keys.jwks_file, clock)
    caller = verifier.verify(token)
    assert (caller.service, caller.scopes) == ("operator", frozenset({"mesh:admin"}))
    clock.advance(timedelta(minutes=15, seconds=6))
    with pytest.raises(Unauthenticated):
        verifier.verify(token)


def test_without_a_data_directory_there_is_no_token(tmp_path: Path) -> None:
    with pytest.raises(NotRunning):
        operator_token(tmp_path, scopes=[], clock=FrozenClock())
