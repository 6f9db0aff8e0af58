"""What an ID token must be, claim for claim."""

import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from operators.identity.oidc import id_token
from operators.identity.oidc.id_token import BadToken, UnknownKey, at_hash, verified

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
AT = int(NOW.timestamp())
GOOD = {"iss": "https://idp.example", "sub": "erin", "aud": "me", "exp": AT + 60, "iat": AT, "nonce": "n1"}
KEYS = {
    "RS256": RSAKey.generate_key(2048, {"kid": "rsa"}),
    "PS256": RSAKey.generate_key(2048, {"kid": "pss"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "ec"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "ed"}),
}
PUBLIC = [key.as_dict(private=False) for key in KEYS.values()]


def token(algorithm="ES256", *, key=None, header=None, **claims) -> str:
    body = {name: value for name, value in {**GOOD, **claims}.items() if value is not None}
    key = key or KEYS[algorithm]
    return jwt.encode({"alg": algorithm, "kid": key.as_dict().get("kid", "x"), **(header or {})}, body, key, algorithms=[algorithm])


def _part(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def check(text: str, keys=PUBLIC) -> dict:
    return verified(text, keys=keys, issuer=GOOD["iss"], client_id="me", nonce="n1", now=NOW, access_token="at")


@pytest.mark.parametrize("algorithm", KEYS)
def test_the_four_algorithms_are_taken(algorithm):
    assert check(token(algorithm, at_hash=at_hash("at", algorithm)))["sub"] == "erin"


def test_no_other_algorithm_is():
    # The classic: the provider's public key as the secret of an HMAC.
    head, body, _ = token("RS256").split(".")
    head = _part(b'{"alg":"HS256","kid":"rsa"}')
    confused = f"{head}.{body}.{_part(hmac.digest(KEYS['RS256'].as_pem(private=False), f'{head}.{body}'.encode(), 'sha256'))}"
    for text in (confused, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJlcmluIn0.", "", "a.b.c", "a.b"):
        with pytest.raises(BadToken):
            check(text)


def test_a_key_of_another_name_may_be_a_rotated_one_and_of_the_same_name_is_a_forgery():
    other = ECKey.generate_key("P-256", {"kid": "new"})
    with pytest.raises(UnknownKey):
        check(token(key=other))
    forged = ECKey.generate_key("P-256", {"kid": "ec"})
    with pytest.raises(BadToken, match="signature"):
        check(token(key=forged))


def test_without_a_key_name_the_right_key_is_found():
    second = ECKey.generate_key("P-256", {"kid": "ec2"})
    text = jwt.encode({"alg": "ES256"}, GOOD, second)
    assert check(text, [*PUBLIC, second.as_dict(private=False)])["sub"] == "erin"


@pytest.mark.parametrize(
    "claims, cause",
    [
        ({"iss": "https://idp.example/"}, "iss"),
        ({"iss": None}, "iss"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"sub": 7}, "sub"),
        ({"aud": "you"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": ["me", "you"]}, "azp"),
        ({"aud": ["me", "you"], "azp": "you"}, "azp"),
        ({"azp": "you"}, "azp"),
        ({"exp": AT - 120}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"iat": AT + 121}, "iat"),
        ({"iat": None}, "iat"),
        ({"nonce": "n2"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"at_hash": at_hash("another", "ES256")}, "at_hash"),
    ],
)
def test_a_wrong_claim_is_refused_by_its_name(claims, cause):
    with pytest.raises(BadToken, match=f"^{cause}$"):
        check(token(**claims))


@pytest.mark.parametrize("claims", [{"exp": AT - 119}, {"iat": AT + 120}, {"aud": ["me"]}, {"aud": ["me", "you"], "azp": "me"}])
def test_what_is_just_right_is_taken(claims):
    assert check(token(**claims))["sub"] == "erin"


def test_the_hash_of_an_access_token_is_the_standards():
    # OpenID Connect Core 1.0, appendix A.3.
    assert at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"
    assert len(at_hash("at", "EdDSA", "Ed25519")) == 43 and len(at_hash("at", "EdDSA", "Ed448")) == 76


def test_a_broken_key_of_the_provider_breaks_nothing():
    assert check(token(), [{"kty": "EC"}, {"kty": "EC", "kid": "ec", "crv": "P-256", "x": "!", "y": ""}, *PUBLIC])["sub"] == "erin"
    assert id_token.LEEWAY_SECONDS == 120


def test_a_signed_text_that_is_no_object_says_nothing():
    key = KEYS["ES256"]
    for payload in (b"[]", b"7", b"not json"):
        with pytest.raises(BadToken, match="signature"):
            check(jws.serialize_compact({"alg": "ES256", "kid": "ec"}, payload, key, algorithms=["ES256"]))
