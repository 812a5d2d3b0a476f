"""Who may call: the token decides and the contract's policy, and nothing else (SEC01, SEC35-SEC38, SEC40)."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from aviary.options.v1.method_policy_pb2 import (
    AUTH_LEVEL_NONE,
    AUTH_LEVEL_OPTIONAL,
    AUTH_LEVEL_SERVICE,
    AUTH_LEVEL_USER,
)
from aviary.user.v1 import user_service_pb2
from mesh.caller import ANONYMOUS, CURRENT_CALL, Caller, current_caller
from mesh.clock import FrozenClock
from mesh.errors import MeshError, PermissionDenied, Unauthenticated
from mesh.interceptors.identity import identify
from mesh.interceptors.incoming import Context, Incoming
from mesh.method import methods_of
from mesh.tokens import TokenVerifier
from tests.support.keys import issue_service_token, issue_user_token, write_keys

METHOD = methods_of(user_service_pb2.DESCRIPTOR.services_by_name["UserService"])[0]
# Tokens live for minutes, and a run may take longer.
CLOCK = FrozenClock()
USER = "Bearer " + issue_user_token(7, ["tweet:write"], clock=CLOCK)
SERVICE = "Bearer " + issue_service_token("timeline_svc", clock=CLOCK)
OPERATOR = "Bearer " + issue_service_token("operator", ["mesh:admin"], clock=CLOCK)
FORGED = USER[:-8] + "AAAAAAAA"


@pytest.fixture
def verifier(tmp_path: Path) -> TokenVerifier:
    jwks_file, _ = write_keys(tmp_path)
    return TokenVerifier(jwks_file, CLOCK)


async def call(
    verifier: TokenVerifier,
    auth: int,
    *authorization: str,
    scopes: frozenset[str] = frozenset(),
    services: frozenset[str] = frozenset(),
) -> Caller:
    """The caller that the handler sees."""
    seen: list[Caller] = []

    async def handler(incoming: Incoming) -> bytes:
        assert incoming.caller == current_caller()
        seen.append(current_caller())
        return b""

    step = identify(handler, replace(METHOD, auth=auth, scopes=scopes, services=services), verifier)
    token = CURRENT_CALL.set(None)
    try:
        await step(Incoming(b"", cast("Context", None), "request-1", list(authorization)))
    finally:
        CURRENT_CALL.reset(token)
    return seen[0]


async def assert_refused(refusal: MeshError, *args: object, **policy: frozenset[str]) -> MeshError:
    with pytest.raises(MeshError) as raised:
        await call(*args, **policy)  # type: ignore[arg-type] # the arguments of call
    assert (type(raised.value), raised.value.reason) == (type(refusal), refusal.reason)
    return raised.value


MISSING = Unauthenticated("CREDENTIALS_MISSING", "")
INVALID = Unauthenticated("CREDENTIALS_INVALID", "")
NOT_ALLOWED = PermissionDenied("CALLER_NOT_ALLOWED", "")
NO_SCOPE = PermissionDenied("SCOPE_MISSING", "")


async def test_none_looks_at_no_credentials(verifier: TokenVerifier) -> None:
    for authorization in ((), (USER,), (FORGED,), ("nonsense",), (USER, USER)):
        assert await call(verifier, AUTH_LEVEL_NONE, *authorization) is ANONYMOUS


async def test_optional_takes_a_user_or_nobody(verifier: TokenVerifier) -> None:
    assert await call(verifier, AUTH_LEVEL_OPTIONAL) is ANONYMOUS
    assert (await call(verifier, AUTH_LEVEL_OPTIONAL, USER)).user_id == 7
    assert await call(verifier, AUTH_LEVEL_OPTIONAL, SERVICE) is ANONYMOUS


async def test_optional_refuses_a_bad_token(verifier: TokenVerifier) -> None:
    await assert_refused(INVALID, verifier, AUTH_LEVEL_OPTIONAL, FORGED)


async def test_user_takes_users_only(verifier: TokenVerifier) -> None:
    assert (await call(verifier, AUTH_LEVEL_USER, USER)).user_id == 7
    await assert_refused(MISSING, verifier, AUTH_LEVEL_USER)
    await assert_refused(NOT_ALLOWED, verifier, AUTH_LEVEL_USER, SERVICE)
    await assert_refused(INVALID, verifier, AUTH_LEVEL_USER, FORGED)


async def test_service_takes_services_only(verifier: TokenVerifier) -> None:
    assert (await call(verifier, AUTH_LEVEL_SERVICE, SERVICE)).service == "timeline_svc"
    await assert_refused(MISSING, verifier, AUTH_LEVEL_SERVICE)
    await assert_refused(NOT_ALLOWED, verifier, AUTH_LEVEL_SERVICE, USER)


async def test_a_method_that_names_services_takes_those_only(verifier: TokenVerifier) -> None:
    assert (
        await call(verifier, AUTH_LEVEL_SERVICE, SERVICE, services=frozenset({"timeline_svc"}))
    ).service == "timeline_svc"
    await assert_refused(NOT_ALLOWED, verifier, AUTH_LEVEL_SERVICE, SERVICE, services=frozenset({"graph_svc"}))


@pytest.mark.parametrize("auth", [AUTH_LEVEL_OPTIONAL, AUTH_LEVEL_USER])
async def test_a_missing_scope_is_named(verifier: TokenVerifier, auth: int) -> None:
    assert (await call(verifier, auth, USER, scopes=frozenset({"tweet:write"}))).user_id == 7
    refusal = await assert_refused(NO_SCOPE, verifier, auth, USER, scopes=frozenset({"tweet:write", "graph:write"}))
    assert refusal.metadata == {"scope": "graph:write"}


async def test_operators_methods_need_their_scope(verifier: TokenVerifier) -> None:
    admin = frozenset({"mesh:admin"})
    assert (await call(verifier, AUTH_LEVEL_SERVICE, OPERATOR, scopes=admin)).service == "operator"
    await assert_refused(NO_SCOPE, verifier, AUTH_LEVEL_SERVICE, SERVICE, scopes=admin)


@pytest.mark.parametrize(
    "authorization",
    [
        (USER, USER),
        (USER, SERVICE),
        ("",),
        ("Bearer",),
        ("Bearer ",),
        ("Basic YTpi",),
        (USER[7:],),
        (f"Bearer  {USER[7:]}",),
    ],
)
async def test_anything_but_one_bearer_is_refused(verifier: TokenVerifier, authorization: tuple[str, ...]) -> None:
    await assert_refused(INVALID, verifier, AUTH_LEVEL_USER, *authorization)


async def test_the_scheme_is_read_in_any_case(verifier: TokenVerifier) -> None:
    assert (await call(verifier, AUTH_LEVEL_USER, f"bearer {USER[7:]}")).user_id == 7
