"""GetJwks."""

from __future__ import annotations

import grpc
import jwt

from aviary.auth.v1.auth_service_pb2 import GetJwksRequest
from tests.services.user_svc.callers import Callers
from tests.support.refused import refused
from user_svc.config import UserConfig


async def test_the_public_keys_verify_an_access_token(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    token = (await users.log_in("Ann")).access_token
    answer = await users.auth().GetJwks(GetJwksRequest())
    keys = {key.kid: key for key in answer.keys}
    key = keys[jwt.get_unverified_header(token)["kid"]]
    public = jwt.PyJWK({"kty": key.kty, "crv": key.crv, "x": key.x, "alg": key.alg, "use": key.use, "kid": key.kid})
    claims = jwt.decode(token, public, algorithms=["EdDSA"], audience="aviary", issuer="aviary")
    assert claims["sub"] == str(ann.user_id)
    assert set(claims["scope"].split()) == {
        *("tweet:write", "graph:write", "engagement:write", "user:write", "timeline:read")
    }


async def test_every_service_has_a_key_there_and_no_private_half(users: Callers) -> None:
    answer = await users.auth().GetJwks(GetJwksRequest())
    assert {"user_svc", "tweet_svc", "graph_svc"} < {key.kid.partition(":")[0] for key in answer.keys}
    assert {(key.kty, key.crv, key.use, key.alg) for key in answer.keys} == {("OKP", "Ed25519", "sig", "EdDSA")}


async def test_a_file_that_cannot_be_read_is_said_to_be_away(users: Callers, config: UserConfig) -> None:
    config.mesh.jwks_file.write_text("{")
    error = await refused(users.auth().GetJwks(GetJwksRequest()), grpc.StatusCode.UNAVAILABLE)
    assert error.reason == "BACKEND_UNAVAILABLE"
    assert str(config.mesh.jwks_file) not in error.message
