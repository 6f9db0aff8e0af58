"""Checking an ID token. Pure: keys and time are given.

Algorithms are a closed list, the key is chosen by us, and every claim that says "for this login, for us, now" is compared.
"""

import hashlib
import hmac
import json
import warnings
from base64 import urlsafe_b64encode
from datetime import datetime

from config.kernel import later

jws, jwk, errors = later.module("joserfc.jws"), later.module("joserfc.jwk"), later.module("joserfc.errors")
ALGORITHMS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
LEEWAY_SECONDS = 120
SUBJECT_LIMIT = 255
# "EdDSA" is the name that providers use; its successor in RFC 9864 is the same signature.
warnings.filterwarnings("ignore", message="EdDSA is deprecated")


class BadToken(Exception):
    """The token proves nothing; the text says why, for the log."""


class UnknownKey(BadToken):
    """None of the keys is the one it names: they may have been rotated."""


def verified(token: str, *, keys: list[dict], issuer: str, client_id: str, nonce: str, now: datetime, access_token: str) -> dict:
    """The claims of a good token. BadToken for any other, UnknownKey when fresh keys may help."""
    header = _header(token)
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise BadToken("algorithm")
    claims, curve = _signed_claims(token, _candidates(keys, header, ALGORITHMS[algorithm]), algorithm)
    _check_addressing(claims, issuer, client_id)
    _check_times(claims, now.timestamp())
    if not _same(claims.get("nonce"), nonce):
        raise BadToken("nonce")
    if "at_hash" in claims and not _same(claims["at_hash"], at_hash(access_token, algorithm, curve)):
        raise BadToken("at_hash")
    return claims


def _header(token: str) -> dict:
    try:
        return jws.extract_compact(token.encode()).headers()
    except (errors.JoseError, ValueError) as error:
        raise BadToken("no JWS") from error


def _candidates(keys: list[dict], header: dict, key_type: str) -> list[dict]:
    usable = [key for key in keys if key.get("kty") == key_type and key.get("use", "sig") == "sig" and key.get("alg", header["alg"]) == header["alg"]]
    if "kid" in header:
        usable = [key for key in usable if key.get("kid") == header["kid"]]
    if not usable:
        raise UnknownKey("key")
    return usable


def _signed_claims(token: str, keys: list[dict], algorithm: str) -> tuple[dict, str]:
    """(claims, curve of the key that signed)."""
    for key in keys:
        try:
            signed = jws.deserialize_compact(token, jwk.import_key(key), algorithms=[algorithm])
            claims = json.loads(signed.payload)
        except (errors.JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(claims, dict):
            return claims, key.get("crv", "")
    raise BadToken("signature")


def _check_addressing(claims: dict, issuer: str, client_id: str) -> None:
    if not _same(claims.get("iss"), issuer):
        raise BadToken("iss")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LIMIT or "\x00" in subject:
        raise BadToken("sub")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences:
        raise BadToken("aud")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != client_id:
        raise BadToken("azp")


def _check_times(claims: dict, now: float) -> None:
    for name in ("exp", "iat"):
        if not isinstance(claims.get(name), (int, float)) or isinstance(claims[name], bool):
            raise BadToken(name)
    if not claims["exp"] > now - LEEWAY_SECONDS:
        raise BadToken("exp")
    if not claims["iat"] <= now + LEEWAY_SECONDS:
        raise BadToken("iat")


def at_hash(access_token: str, algorithm: str, curve: str = "") -> str:
    """The left half of the access token's hash; EdDSA hashes as its curve does."""
    data = access_token.encode()
    if algorithm == "EdDSA":
        whole = hashlib.shake_256(data).digest(114) if curve == "Ed448" else hashlib.sha512(data).digest()
    else:
        whole = hashlib.sha256(data).digest()
    return urlsafe_b64encode(whole[: len(whole) // 2]).decode().rstrip("=")


def _same(sent, expected: str) -> bool:
    return isinstance(sent, str) and hmac.compare_digest(sent.encode(), expected.encode())
