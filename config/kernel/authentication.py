"""The one authenticator: a bearer credential of any kind, else Django's session cookie, else nobody."""

from django.middleware.csrf import CsrfViewMiddleware
from rest_framework.authentication import BaseAuthentication

from config.kernel.access import ANONYMOUS, Actor, credential_kind, ports
from config.kernel.credentials import prefix_of
from config.kernel.errors import ApiError


def actor_for_token(token: str) -> Actor:
    """Actor of a credential; ApiError credential_invalid, _expired, _revoked."""
    prefix = prefix_of(token)
    kind = credential_kind(prefix) if prefix else None
    if kind is None:
        raise ApiError("credential_invalid")
    return kind[1](token)


def bearer(header: str) -> str | None:
    """The token of an Authorization header; None without one; ApiError if it is no bearer credential."""
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ApiError("credential_invalid")
    return token.strip()


def resolve(request) -> Actor:
    """The actor of a Django request, resolved once. The header beats the cookie, and a bad header is never rescued by it."""
    cached = getattr(request, "_tally_actor", None)
    if cached is None:
        token = bearer(request.META.get("HTTP_AUTHORIZATION", ""))
        if token and "token" in request.GET:
            raise ApiError("conflicting_credentials")
        cached = actor_for_token(token) if token else (ports.cookie_actor(request) or ANONYMOUS)
        request._tally_actor = cached
    return cached


class _Csrf(CsrfViewMiddleware):
    def _reject(self, request, reason):
        return reason


def enforce_csrf(request) -> None:
    """403 csrf_failed unless an unsafe cookie-authenticated request carries its token."""
    check = _Csrf(lambda _request: None)
    check.process_request(request)
    if check.process_view(request, None, (), {}):
        raise ApiError("csrf_failed")


def skip(request) -> None:
    """Let a DRF request be nobody's, whatever credential came with it."""
    request.user = request.auth = None
    request.actor = request._request.actor = request._request._tally_actor = ANONYMOUS


class TallyAuthentication(BaseAuthentication):
    """DRF's door to `resolve`; sets `request.actor`."""

    def authenticate(self, request):
        actor = resolve(request._request)
        request.actor = request._request.actor = actor
        if actor.by_cookie and request.method not in {"GET", "HEAD", "OPTIONS"}:
            enforce_csrf(request._request)
        return (actor.subject, actor)

    def authenticate_header(self, request):
        return 'Bearer realm="tallyroom"'
