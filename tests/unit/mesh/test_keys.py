"""Key files: what is written is read back, and what is broken is told by its path without its content."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mesh.keys import BrokenKeys, jwks, new_signing_key, read_jwks, read_signing_key


def test_a_key_is_read_back_from_its_pem(tmp_path: Path) -> None:
    key = new_signing_key("tweet_svc")
    (tmp_path / "key.pem").write_bytes(key.pem())
    assert read_signing_key("tweet_svc", tmp_path / "key.pem").kid == key.kid


def test_a_kid_is_the_owner_and_the_thumbprint_of_rfc_7638(tmp_path: Path) -> None:
    # The example of RFC 8037, appendix A.3.
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    thumbprint = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    entry = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": f"user_svc:{thumbprint}", "x": x}
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [entry]}))
    assert read_jwks(tmp_path / "jwks.json")[f"user_svc:{thumbprint}"].owner == "user_svc"


def test_the_jwks_file_has_every_public_key_and_no_private_one(tmp_path: Path) -> None:
    keys = [new_signing_key("user_svc"), new_signing_key("operator")]
    (tmp_path / "jwks.json").write_text(jwks(keys))
    assert {kid: key.owner for kid, key in read_jwks(tmp_path / "jwks.json").items()} == {
        keys[0].kid: "user_svc",
        keys[1].kid: "operator",
    }
    assert '"d"' not in jwks(keys)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"keys": {"a": 1}}',
        '{"keys": [7]}',
        '{"keys": [{"kty": "RSA"}]}',
        '{"keys": [{"kid": 7, "x": "AAAA"}]}',
        '{"keys": [{"kid": "a:b", "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "x": "AAAA"}]}',
    ],
)
def test_a_broken_jwks_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "jwks.json").write_text(text)
    with pytest.raises(BrokenKeys, match=r"jwks\.json is no JWKS file"):
        read_jwks(tmp_path / "jwks.json")


def test_a_key_under_a_name_that_is_not_its_own_breaks_the_file(tmp_path: Path) -> None:
    entry = new_signing_key("tweet_svc").jwk()
    entry["kid"] = entry["kid"][:-1] + "!"
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [entry]}))
    with pytest.raises(BrokenKeys):
        read_jwks(tmp_path / "jwks.json")


def test_a_broken_pem_is_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("my secret")
    with pytest.raises(BrokenKeys, match=r"key\.pem is no unencrypted private key") as raised:
        read_signing_key("tweet_svc", tmp_path / "key.pem")
    assert "my secret" not in str(raised.value)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    other = generate_private_key(SECP256R1())
    (tmp_path / "key.pem").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(BrokenKeys, match="is no Ed25519 key"):
        read_signing_key("tweet_svc", tmp_path / "key.pem")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenKeys, match=r"key\.pem: No such file"):
        read_signing_key("tweet_svc", tmp_path / "key.pem")
