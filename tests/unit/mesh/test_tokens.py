"""Whose word a token is: every way to forge or stretch one is refused (SEC02-SEC13, SEC19)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from mesh.caller import Caller
from mesh.clock import FrozenClock
from mesh.errors import Unauthenticated
from mesh.keys import BrokenKeys, SigningKey, jwks, new_signing_key
from mesh.signing import ServiceTokens, sign_access_token, sign_service_token
from mesh.tokens import LONGEST_TOKEN, TokenVerifier

USERS = new_signing_key("user_svc")
TWEETS = new_signing_key("tweet_svc")


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def jwks_file(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_text(jwks([USERS, TWEETS]))
    return path


@pytest.fixture
def verifier(jwks_file: Path, clock: FrozenClock) -> TokenVerifier:
    return TokenVerifier(jwks_file, clock)


def a_token(
    clock: FrozenClock,
    claims: Mapping[str, object] = {},
    *,
    key: SigningKey = USERS,
    header: Mapping[str, object] = {},
    without: str = "",
) -> str:
    """A good token of user 7, but for the claims and headers given; signed here, as libraries refuse to sign some."""
    now = clock.now_us() // 1_000_000
    payload = {"iss": "aviary", "aud": "aviary", "sub": "7", "iat": now, "exp": now + 900, **claims}
    payload.pop(without, None)
    signed = f"{encoded({'typ': 'at+jwt', 'alg': 'EdDSA', 'kid': key.kid, **header})}.{encoded(payload)}"
    return f"{signed}.{base64.urlsafe_b64encode(key.private.sign(signed.encode())).rstrip(b'=').decode()}"


def assert_refused(verifier: TokenVerifier, token: str, reason: str = "CREDENTIALS_INVALID") -> None:
    with pytest.raises(Unauthenticated) as raised:
        verifier.verify(token)
    assert raised.value.reason == reason
    assert raised.value.metadata == {}


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_a_users_token_names_the_user_and_the_scopes(verifier: TokenVerifier, clock: FrozenClock) -> None:
    token = sign_access_token(USERS, user_id=7, clock=clock, scopes=["tweet:write", "graph:write"])
    caller = Caller(user_id=7, scopes=frozenset({"tweet:write", "graph:write"}), token=token)
    assert verifier.verify(token) == caller
    assert verifier.verify(token) == caller, "from memory"


def test_a_services_token_names_the_service(verifier: TokenVerifier, clock: FrozenClock) -> None:
    token = sign_service_token(TWEETS, clock=clock)
    assert verifier.verify(token) == Caller(service="tweet_svc", token=token)


def test_the_largest_user_id_is_taken_and_the_next_is_not(verifier: TokenVerifier, clock: FrozenClock) -> None:
    assert verifier.verify(a_token(clock, {"sub": str(2**63 - 1)})).user_id == 2**63 - 1
    assert_refused(verifier, a_token(clock, {"sub": str(2**63)}))


@pytest.mark.parametrize(
    "subject", ["0", "07", "-7", "+7", " 7", "7 ", "7\n", "\u0667", "7_0", "7.0", "1e3", "", "svc:", "root"]
)
def test_a_subject_that_is_no_canonical_id_is_refused(
    verifier: TokenVerifier, clock: FrozenClock, subject: str
) -> None:
    assert_refused(verifier, a_token(clock, {"sub": subject}))


@pytest.mark.parametrize("subject", [7, None, ["7"], True])
def test_a_subject_that_is_no_text_is_refused(verifier: TokenVerifier, clock: FrozenClock, subject: object) -> None:
    assert_refused(verifier, a_token(clock, {"sub": subject}))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
def test_an_unsigned_token_is_refused(verifier: TokenVerifier, clock: FrozenClock, algorithm: str) -> None:
    _, payload, signature = a_token(clock).split(".")
    header = encoded({"typ": "at+jwt", "alg": algorithm, "kid": USERS.kid})
    assert_refused(verifier, f"{header}.{payload}.")
    assert_refused(verifier, f"{header}.{payload}.{signature}")


def test_the_public_key_is_no_shared_secret(verifier: TokenVerifier, clock: FrozenClock) -> None:
    header = encoded({"typ": "at+jwt", "alg": "HS256", "kid": USERS.kid})
    signed = f"{header}.{a_token(clock).split('.')[1]}"
    for secret in (USERS.private.public_key().public_bytes_raw(), USERS.jwk()["x"].encode()):
        mac = hmac.digest(secret, signed.encode(), hashlib.sha256)
        assert_refused(verifier, f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")


def test_an_expired_token_is_refused_after_a_leeway_of_5_s(verifier: TokenVerifier, clock: FrozenClock) -> None:
    token = a_token(clock)
    verifier.verify(token)
    clock.advance(timedelta(seconds=904))
    verifier.verify(token)
    clock.advance(timedelta(seconds=1))
    assert_refused(verifier, token, "CREDENTIALS_EXPIRED")
    assert_refused(verifier, token, "CREDENTIALS_EXPIRED")


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_from_the_future_is_refused(verifier: TokenVerifier, clock: FrozenClock, claim: str) -> None:
    now = clock.now_us() // 1_000_000
    assert verifier.verify(a_token(clock, {claim: now + 4})).user_id == 7
    assert_refused(verifier, a_token(clock, {claim: now + 60}))


@pytest.mark.parametrize("claim", ["exp", "iat", "sub", "iss", "aud"])
def test_a_token_without_a_required_claim_is_refused(verifier: TokenVerifier, clock: FrozenClock, claim: str) -> None:
    assert_refused(verifier, a_token(clock, without=claim))


def test_a_token_for_more_than_an_hour_is_refused(verifier: TokenVerifier, clock: FrozenClock) -> None:
    now = clock.now_us() // 1_000_000
    assert verifier.verify(a_token(clock, {"exp": now + 3600})).user_id == 7
    assert_refused(verifier, a_token(clock, {"exp": now + 3601}))
    assert_refused(verifier, a_token(clock, {"exp": now + 10 * 365 * 86400}))


@pytest.mark.parametrize("value", ["1800000000", True, 1e300, float("nan"), float("inf"), -1, [1], {}])
@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
def test_a_time_that_is_no_time_is_refused(
    verifier: TokenVerifier, clock: FrozenClock, claim: str, value: object
) -> None:
    assert_refused(verifier, a_token(clock, {claim: value}))


@pytest.mark.parametrize("claims", [{"iss": "other"}, {"aud": "other"}, {"aud": ["aviary"]}, {"iss": ["aviary"]}])
def test_another_issuer_or_audience_is_refused(
    verifier: TokenVerifier, clock: FrozenClock, claims: dict[str, object]
) -> None:
    assert_refused(verifier, a_token(clock, claims))


@pytest.mark.parametrize("kind", ["JWT", "rt+jwt", "", "AT+JWT ", None])
def test_a_token_of_another_type_is_refused(verifier: TokenVerifier, clock: FrozenClock, kind: str | None) -> None:
    assert_refused(verifier, a_token(clock, header={"typ": kind}))


@pytest.mark.parametrize("kid", ["user_svc:unknown", "../../etc/passwd", "' OR 1=1 --", "", 7, None, ["x"]])
def test_an_unknown_key_is_refused(verifier: TokenVerifier, clock: FrozenClock, kid: object) -> None:
    assert_refused(verifier, a_token(clock, header={"kid": kid}))


def test_a_key_that_the_token_brings_along_is_not_looked_at(verifier: TokenVerifier, clock: FrozenClock) -> None:
    mine = new_signing_key("user_svc")
    brought = {"jwk": mine.jwk(), "jku": "http://127.0.0.1:1/jwks.json", "x5u": "http://127.0.0.1:1/x"}
    assert_refused(verifier, a_token(clock, key=mine, header=brought))
    assert_refused(verifier, a_token(clock, key=mine, header={**brought, "kid": USERS.kid}))


def test_a_critical_extension_is_refused(verifier: TokenVerifier, clock: FrozenClock) -> None:
    assert_refused(verifier, a_token(clock, header={"crit": ["b64"], "b64": True}))


def test_any_bit_flipped_in_payload_or_signature_is_refused(verifier: TokenVerifier, clock: FrozenClock) -> None:
    header, payload, signature = a_token(clock).split(".")
    for part, place in ((payload, 1), (signature, 2)):
        for index in range(0, len(part) - 1, 3):
            other = "A" if part[index] != "A" else "B"
            parts = [header, payload, signature]
            parts[place] = part[:index] + other + part[index + 1 :]
            assert_refused(verifier, ".".join(parts))


@pytest.mark.parametrize(
    "change", ["{h}.{p}.", "{h}.{p}", "{h}.{p}.{s}.{s}", "{h}..{s}", ".{p}.{s}", "{s}", "a.b.c", "", "é", "\ud800"]
)
def test_a_mangled_token_is_refused(verifier: TokenVerifier, clock: FrozenClock, change: str) -> None:
    header, payload, signature = a_token(clock).split(".")
    assert_refused(verifier, change.format(h=header, p=payload, s=signature))


@pytest.mark.parametrize("header", ["[" * 6000, "[]", "7", '"x"', "{" * 5000, "9" * 6000, '{"alg":' * 900])
def test_a_header_that_is_no_object_is_refused(verifier: TokenVerifier, header: str) -> None:
    part = base64.urlsafe_b64encode(header.encode()).rstrip(b"=").decode()
    assert_refused(verifier, f"{part}.e30.AAAA"[:LONGEST_TOKEN])


def test_a_token_over_8_kib_is_refused(verifier: TokenVerifier, clock: FrozenClock) -> None:
    assert_refused(verifier, a_token(clock, {"padding": "x" * LONGEST_TOKEN}))


def test_only_user_svc_can_speak_for_a_user(verifier: TokenVerifier, clock: FrozenClock) -> None:
    assert_refused(verifier, a_token(clock, {"sub": "7"}, key=TWEETS))


def test_a_service_can_speak_for_itself_only(verifier: TokenVerifier, clock: FrozenClock) -> None:
    assert_refused(verifier, a_token(clock, {"sub": "svc:graph_svc"}, key=TWEETS))
    assert_refused(verifier, a_token(clock, {"sub": "svc:tweet_svc"}))


def test_a_new_key_is_found_after_30_s_at_most_and_the_file_is_not_read_more_often(
    verifier: TokenVerifier, jwks_file: Path, clock: FrozenClock
) -> None:
    added = new_signing_key("graph_svc")
    jwks_file.write_text(jwks([USERS, added]))
    assert_refused(verifier, sign_service_token(added, clock=clock))
    clock.advance(timedelta(seconds=30))
    assert verifier.verify(sign_service_token(added, clock=clock)).service == "graph_svc"
    assert_refused(verifier, sign_service_token(TWEETS, clock=clock))


def test_a_broken_file_leaves_the_known_keys_in_use(
    verifier: TokenVerifier, jwks_file: Path, clock: FrozenClock
) -> None:
    jwks_file.write_text("{")
    clock.advance(timedelta(seconds=31))
    assert_refused(verifier, sign_service_token(new_signing_key("graph_svc"), clock=clock))
    assert verifier.verify(sign_service_token(TWEETS, clock=clock)).service == "tweet_svc"


def test_a_file_that_was_broken_or_away_is_looked_at_again(
    verifier: TokenVerifier, jwks_file: Path, clock: FrozenClock
) -> None:
    token = sign_service_token(TWEETS, clock=clock)
    jwks_file.write_text("{")
    clock.advance(timedelta(seconds=30))
    assert verifier.verify(token).service == "tweet_svc"
    jwks_file.unlink()
    clock.advance(timedelta(seconds=30))
    assert verifier.verify(token).service == "tweet_svc"
    jwks_file.write_text(jwks([USERS]))
    clock.advance(timedelta(seconds=30))
    assert_refused(verifier, token)


def test_a_removed_key_stops_counting_for_tokens_seen_before(
    verifier: TokenVerifier, jwks_file: Path, clock: FrozenClock
) -> None:
    token = sign_service_token(TWEETS, clock=clock)
    verifier.verify(token)
    jwks_file.write_text(jwks([USERS]))
    clock.advance(timedelta(seconds=31))
    assert_refused(verifier, sign_service_token(new_signing_key("graph_svc"), clock=clock))
    assert_refused(verifier, token)


def test_a_removed_key_stops_counting_after_30_s_at_most_without_anybody_sending_an_unknown_one(
    verifier: TokenVerifier, jwks_file: Path, clock: FrozenClock
) -> None:
    seen, unseen = (a_token(clock, {"sub": "svc:tweet_svc", "jti": name}, key=TWEETS) for name in ("a", "b"))
    verifier.verify(seen)
    jwks_file.write_text(jwks([USERS]))
    clock.advance(timedelta(seconds=30))
    assert_refused(verifier, seen)
    assert_refused(verifier, unseen)
    assert verifier.verify(a_token(clock)).user_id == 7


def test_without_a_usable_file_there_is_no_verifier(tmp_path: Path, clock: FrozenClock) -> None:
    with pytest.raises(BrokenKeys, match=r"jwks\.json: No such file"):
        TokenVerifier(tmp_path / "jwks.json", clock)


def test_a_services_own_token_is_kept_and_renewed_a_minute_early(
    verifier: TokenVerifier, tmp_path: Path, clock: FrozenClock
) -> None:
    (tmp_path / "key.pem").write_bytes(TWEETS.pem())
    tokens = ServiceTokens("tweet_svc", tmp_path / "key.pem", clock)
    first = tokens.token()
    clock.advance(timedelta(seconds=239))
    assert tokens.token() == first
    clock.advance(timedelta(seconds=1))
    assert tokens.token() != first
    assert verifier.verify(tokens.token()).service == "tweet_svc"
