"""Accounts, tokens and keys as messages. What is secret of an account has no field to get into."""

from __future__ import annotations

import base64

from aviary.auth.v1.auth_service_pb2 import Jwk, TokenPair
from aviary.type.v1.user_pb2 import User
from mesh.keys import PublicKey
from user_svc.model import Account
from user_svc.tokens import AccessToken, RefreshToken


def to_message(account: Account) -> User:
    """The public part of an account, without counts."""
    user = User(
        user_id=account.user_id,
        username=account.username,
        display_name=account.display_name,
        bio=account.bio,
        location=account.location,
    )
    user.create_time.FromMicroseconds(account.created_us)
    user.update_time.FromMicroseconds(account.updated_us)
    return user


def to_token_pair(access: AccessToken, refresh: RefreshToken) -> TokenPair:
    """What a client gets at login and at refresh."""
    pair = TokenPair(access_token=access.text, refresh_token=refresh.text, token_type="Bearer")  # noqa: S106 - no secret
    pair.access_expire_time.FromMicroseconds(access.expires_us)
    pair.refresh_expire_time.FromMicroseconds(refresh.expires_us)
    return pair


def to_jwk(kid: str, key: PublicKey) -> Jwk:
    """A public key as RFC 8037 writes it."""
    x = base64.urlsafe_b64encode(key.public.public_bytes_raw()).rstrip(b"=").decode()
    return Jwk(kty="OKP", crv="Ed25519", kid=kid, use="sig", alg="EdDSA", x=x)
