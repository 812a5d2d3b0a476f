"""Tells the public keys that tokens are verified with."""

from __future__ import annotations

from pathlib import Path

from aviary.auth.v1.auth_service_pb2 import GetJwksRequest, GetJwksResponse
from mesh.errors import Unavailable
from mesh.keys import BrokenKeys, read_jwks
from user_svc.convert import to_jwk


async def get_jwks(request: GetJwksRequest, *, jwks_file: Path) -> GetJwksResponse:  # noqa: ARG001 - it is empty
    """The keys of the file as it is now: operators replace it while the mesh runs. Raises Unavailable."""
    try:
        keys = read_jwks(jwks_file)
    except BrokenKeys as broken:
        raise Unavailable.backend("the file of public keys") from broken
    return GetJwksResponse(keys=[to_jwk(kid, key) for kid, key in keys.items()])
