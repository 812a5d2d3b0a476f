"""Tokens that are missing, wrong, expired or not signed get nothing done, at the edge and at every service."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from mesh.clock import SystemClock
from mesh.keys import SigningKey, new_signing_key, read_signing_key
from tests.mesh.support.actions import sign_up, walk
from tests.mesh.support.api import Api, Person
from tests.mesh.support.refusal import assert_refused
from tests.mesh.support.running_mesh import RunningMesh

HOUR = int(timedelta(hours=1).total_seconds())
Forger = Callable[[SigningKey, dict[str, Any], dict[str, str]], str]


def _signed(key: SigningKey, claims: dict[str, Any], header: dict[str, str]) -> str:
    return jwt.encode(claims, key.private, algorithm="EdDSA", headers=header)


def _unsigned(_: SigningKey, claims: dict[str, Any], header: dict[str, str]) -> str:
    parts = [json.dumps(header | {"alg": "none"}), json.dumps(claims), ""]
    return ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)


def _with_our_public_key_as_secret(key: SigningKey, claims: dict[str, Any], header: dict[str, str]) -> str:
    pem = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert load_pem_public_key(pem)
    return jwt.PyJWS().encode(json.dumps(claims).encode(), pem.hex(), algorithm="HS256", headers=header)


def _without(name: str) -> Forger:
    return lambda key, claims, header: _signed(key, {k: v for k, v in claims.items() if k != name}, header)


def _claiming(**changes: Any) -> Forger:
    return lambda key, claims, header: _signed(key, claims | changes, header)


def _headed(**changes: str) -> Forger:
    return lambda key, claims, header: _signed(key, claims, header | changes)


def _later(claims: dict[str, Any], seconds: int) -> dict[str, Any]:
    return claims | {"iat": claims["iat"] + seconds, "exp": claims["exp"] + seconds}


def _changed(token: str) -> str:
    place = len(token) - 20
    return token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]


FORGED: dict[str, Forger] = {
    "not signed": _unsigned,
    "signed with our public key as a secret": _with_our_public_key_as_secret,
    "signed with a key of one's own": lambda _, claims, header: _signed(new_signing_key("user_svc"), claims, header),
    "from the future": lambda key, claims, header: _signed(key, _later(claims, HOUR), header),
    "without an end": _without("exp"),
    "good for two hours": lambda key, claims, header: _signed(key, claims | {"exp": claims["iat"] + 2 * HOUR}, header),
    "for somebody else": _claiming(aud="elsewhere"),
    "without an audience": _without("aud"),
    "by somebody else": _claiming(iss="elsewhere"),
    "without a subject": _without("sub"),
    "of a subject that is no id": _claiming(sub="0x10"),
    "of a service, signed for users": _claiming(sub="svc:user_svc_2"),
    "of another kind": _headed(typ="JWT"),
    "with an unknown key": _headed(kid="user_svc:unknown"),
    "with a path for a key": _headed(kid="../../keys/user_svc.pem"),
    "cut off": lambda key, claims, header: _signed(key, claims, header)[:-9],
    "with a character changed": lambda key, claims, header: _changed(_signed(key, claims, header)),
    "no token at all": lambda *_: "nonsense",
}


@pytest.fixture
def key(mesh: RunningMesh) -> SigningKey:
    """What user_svc signs with; the forgers of some tests got hold of it."""
    return read_signing_key("user_svc", mesh.data_dir / "keys" / "user_svc.pem")


@pytest.fixture
async def person(api: Api) -> Person:
    """Whoever the tokens claim to be."""
    return await sign_up(api)


def good_token(key: SigningKey, person: Person, *, forge: Forger = _signed) -> str:
    now = SystemClock().now_us() // 1_000_000
    claims = {"iss": "aviary", "aud": "aviary", "sub": str(person.user_id), "iat": now, "exp": now + 900}
    scopes = jwt.decode(person.token, options={"verify_signature": False}).get("scope")
    return forge(key, claims | ({"scope": scopes} if scopes else {}), {"typ": "at+jwt", "kid": key.kid})


async def _post_as(api: Api, person: Person, token: str) -> tuple[int, str]:
    caller = Person(person.username, person.user_id, token)
    answer = await api.call("POST", "/v1/tweets", {"content": "forged"}, by=caller)
    if answer.status != 201:
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert_refused(answer, 401, answer.reason)
    return answer.status, answer.reason


async def test_a_token_made_like_ours_is_taken(api: Api, person: Person, key: SigningKey) -> None:
    assert await _post_as(api, person, good_token(key, person)) == (201, "")


@pytest.mark.parametrize("case", FORGED)
async def test_a_forged_token_posts_nothing(api: Api, person: Person, key: SigningKey, case: str) -> None:
    token = good_token(key, person, forge=FORGED[case])
    assert await _post_as(api, person, token) == (401, "CREDENTIALS_INVALID")
    assert await walk(api, f"/v1/users/{person.user_id}/tweets", "tweets", page_size=100) == []


async def test_an_expired_token_says_that_it_is_expired(api: Api, person: Person, key: SigningKey) -> None:
    token = good_token(key, person, forge=lambda k, claims, header: _signed(k, _later(claims, -HOUR), header))
    assert await _post_as(api, person, token) == (401, "CREDENTIALS_EXPIRED")


async def test_without_a_token_nothing_is_written(api: Api, person: Person) -> None:
    writes = [
        ("POST", "/v1/tweets", {"content": "x"}),
        ("PUT", f"/v1/users/{person.user_id}/follow", {}),
        ("PATCH", "/v1/me", {"bio": "x"}),
        ("GET", "/v1/timelines/home", None),
    ]
    for method, target, body in writes:
        answer = await api.call(method, target, body)
        assert_refused(answer, 401, "CREDENTIALS_MISSING")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_refresh_token_is_no_access_token(api: Api) -> None:
    name = "refreshes"
    body = {"username": name, "email": f"{name}@example.com", "password": "correct horse 7"}
    account = await api.insist("POST", "/v1/users", body)
    session = await api.insist("POST", "/v1/sessions", {"login": name, "password": "correct horse 7"})
    person = Person(name, int(account["user"]["userId"]), session["tokens"]["refreshToken"])
    assert await _post_as(api, person, person.token) == (401, "CREDENTIALS_INVALID")


async def test_a_bad_token_is_refused_also_where_none_is_needed(api: Api, person: Person) -> None:
    caller = Person(person.username, person.user_id, "nonsense")
    assert_refused(await api.call("GET", f"/v1/users/{person.user_id}", by=caller), 401, "CREDENTIALS_INVALID")


async def test_a_token_in_the_query_counts_for_nothing(api: Api, person: Person) -> None:
    answer = await api.call("GET", f"/v1/timelines/home?access_token={person.token}")
    assert answer.status in {400, 401}
    assert_refused(answer, answer.status, answer.reason)


async def test_a_service_token_is_nobody_who_posts(mesh: RunningMesh, api: Api, person: Person) -> None:
    operator = mesh.control("token", "--scope", "mesh:admin")
    caller = Person(person.username, person.user_id, operator)
    answer = await api.call("POST", "/v1/tweets", {"content": "x"}, by=caller)
    assert_refused(answer, 403, "CALLER_NOT_ALLOWED")
