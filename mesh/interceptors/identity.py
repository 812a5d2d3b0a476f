"""`authorization` to Caller, then the method's policy. The only reader of a token that came in."""

from __future__ import annotations

from aviary.options.v1 import method_policy_pb2 as policy
from mesh.caller import ANONYMOUS, CURRENT_CALL, Call, Caller
from mesh.errors import PermissionDenied, Unauthenticated
from mesh.interceptors.incoming import Incoming, Step
from mesh.method import Method
from mesh.tokens import TokenVerifier


def identify(after: Step, method: Method, verifier: TokenVerifier) -> Step:
    """Find out who calls and whether they may, and set CURRENT_CALL. Raises Unauthenticated and PermissionDenied."""
    looks_at_credentials = method.auth != policy.AUTH_LEVEL_NONE

    async def step(incoming: Incoming) -> bytes:
        if looks_at_credentials:
            incoming.caller = _allowed(method, _bearer(incoming.authorization, verifier))
        CURRENT_CALL.set(Call(incoming.caller, incoming.request_id, incoming.deadline))
        return await after(incoming)

    return step


def _bearer(authorization: list[str], verifier: TokenVerifier) -> Caller:
    if not authorization:
        return ANONYMOUS
    scheme, _, token = authorization[0].partition(" ")
    if len(authorization) > 1 or scheme.lower() != "bearer":
        raise Unauthenticated("CREDENTIALS_INVALID", "send one authorization, of the form: Bearer <token>")
    return verifier.verify(token)


def _allowed(method: Method, caller: Caller) -> Caller:
    if method.auth == policy.AUTH_LEVEL_OPTIONAL and not caller.user_id:
        return ANONYMOUS
    if caller is ANONYMOUS:
        raise Unauthenticated("CREDENTIALS_MISSING", f"{method.name} needs a token; send authorization: Bearer <token>")
    if method.auth == policy.AUTH_LEVEL_SERVICE:
        is_allowed = caller.service != "" and (not method.services or caller.service in method.services)
    else:
        is_allowed = caller.user_id > 0
    if not is_allowed:
        raise PermissionDenied("CALLER_NOT_ALLOWED", f"{method.name} is not for this kind of caller")
    missing = sorted(method.scopes - caller.scopes)
    if missing:
        raise PermissionDenied(
            "SCOPE_MISSING", f"the token lacks the scope {missing[0]}", metadata={"scope": missing[0]}
        )
    return caller
