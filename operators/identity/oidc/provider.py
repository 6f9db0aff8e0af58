"""Talking to the provider: discovery and keys (kept for an hour), the code's exchange, user info. 5 s each, no redirect followed.

Whatever it does wrong is `oidc_provider_error`. No transaction may be open here: this is slow I/O.
"""

import threading
import time
from dataclasses import dataclass
from urllib.parse import quote_plus

import structlog

from config.kernel import later
from config.kernel.errors import ApiError
from operators.identity.oidc.config import SCOPES, Client, secure

httpx, oauth2, oauth2_client = later.module("httpx"), later.module("authlib.oauth2.base"), later.module("authlib.oauth2.client")
log = structlog.get_logger("oidc")
KEEP_SECONDS, TIMEOUT_SECONDS, BODY_LIMIT = 3600, 5, 512 * 1024
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_cache: dict[str, tuple[float, dict]] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Tokens:
    """What the code was worth."""

    id_token: str
    access_token: str


def failed(reason: str) -> ApiError:
    """The one answer for a provider that is away or talks nonsense; the log says what it was, without any secret."""
    log.warning("oidc_provider_error", reason=reason)
    return ApiError("oidc_provider_error")


def forget() -> None:
    """Drop what was kept of any provider."""
    with _lock:
        _cache.clear()


def _session() -> "httpx.Client":
    return httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False)


def _fetched(url: str, headers: dict | None = None) -> dict:
    try:
        with _session() as session:
            reply = session.get(url, headers={"Accept": "application/json", **(headers or {})})
    except httpx.HTTPError as error:
        raise failed(f"GET: {type(error).__name__}") from error
    if reply.status_code != 200 or len(reply.content) > BODY_LIMIT:
        raise failed(f"GET: status {reply.status_code}, {len(reply.content)} bytes")
    try:
        body = reply.json()
    except ValueError as error:
        raise failed("GET: not JSON") from error
    if not isinstance(body, dict):
        raise failed("GET: not an object")
    return body


def _kept(url: str, *, fresh: bool = False) -> dict:
    """The document at `url`, not older than an hour; asked for again if `fresh`."""
    with _lock:
        held = _cache.get(url)
    if held and not fresh and time.monotonic() - held[0] < KEEP_SECONDS:
        return held[1]
    body = _fetched(url)
    with _lock:
        _cache[url] = (time.monotonic(), body)
    return body


def metadata(client: Client) -> dict:
    """The provider's discovery document; its `issuer` must be the configured one to the letter."""
    found = _kept(client.issuer.rstrip("/") + "/.well-known/openid-configuration")
    if found.get("issuer") != client.issuer:
        raise failed("discovery names another issuer")
    if not all(isinstance(found.get(name), str) and secure(found[name]) for name in _NEEDED):
        raise failed("discovery lacks an endpoint, or names an insecure one")
    return found


def keys(client: Client, *, fresh: bool = False) -> list[dict]:
    """The provider's public keys as JWKs."""
    listed = _kept(metadata(client)["jwks_uri"], fresh=fresh).get("keys")
    if not isinstance(listed, list):
        raise failed("no keys")
    return [key for key in listed if isinstance(key, dict)]


def authorization_url(client: Client, *, state: str, nonce: str, verifier: str) -> str:
    """Where to send the browser."""
    oauth = oauth2_client.OAuth2Client(None, client.client_id, scope=" ".join(SCOPES), redirect_uri=client.redirect_uri, code_challenge_method="S256")
    return oauth.create_authorization_url(metadata(client)["authorization_endpoint"], state=state, code_verifier=verifier, nonce=nonce)[0]


def exchange(client: Client, *, code: str, verifier: str) -> Tokens:
    """Redeem the code. ApiError oidc_denied when the provider refuses this very code, oidc_provider_error for everything else."""
    known = metadata(client)
    auth, extra = _authentication(client, known)
    try:
        with _session() as session:
            oauth = oauth2_client.OAuth2Client(session, client.client_id, client.client_secret or None, redirect_uri=client.redirect_uri)
            found = oauth.fetch_token(
                known["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
                redirect_uri=client.redirect_uri,
                auth=auth,
                **extra,
            )
    except oauth2.OAuth2Error as error:
        if error.error == "invalid_grant":
            raise ApiError("oidc_denied") from error
        raise failed(f"token: {error.error}") from error
    except (httpx.HTTPError, ValueError) as error:
        raise failed(f"token: {type(error).__name__}") from error
    if not isinstance(found.get("id_token"), str) or not isinstance(found.get("access_token"), str):
        raise failed("token: no ID token or access token")
    return Tokens(found["id_token"], found["access_token"])


def _authentication(client: Client, known: dict) -> "tuple[httpx.Auth, dict]":
    """How the provider wants to recognise us: HTTP Basic (the standard's default), or the secret in the body where only that is offered.

    A public client has no secret: it names itself, and PKCE says that the code is its own (RFC 6749 §3.2.1, RFC 9700 §2.1.1).
    """
    if not client.client_secret:
        return httpx.Auth(), {"client_id": client.client_id}
    offered = known.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if "client_secret_basic" not in offered and "client_secret_post" in offered:
        return httpx.Auth(), {"client_id": client.client_id, "client_secret": client.client_secret}
    # RFC 6749 §2.3.1: both are form-encoded first.
    return httpx.BasicAuth(quote_plus(client.client_id), quote_plus(client.client_secret)), {}


def user_info(client: Client, access_token: str, subject: str) -> dict:
    """Claims from the user info endpoint, {} where there is none. Another person's (`sub`) are a provider error."""
    endpoint = metadata(client).get("userinfo_endpoint")
    if not isinstance(endpoint, str) or not secure(endpoint):
        return {}
    claims = _fetched(endpoint, {"Authorization": f"Bearer {access_token}"})
    if claims.get("sub") != subject:
        raise failed("user info about somebody else")
    return claims
