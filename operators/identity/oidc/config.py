"""What the settings say about the provider, and whether that is enough to sign in by it."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from config.kernel.errors import ApiError

SCOPES = ("openid", "profile", "email")
CALLBACK = "/api/v1/auth/oidc/callback"


@dataclass(frozen=True)
class Client:
    """This installation as a client of its provider; one without a secret is a public client."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str


def secure(url: str) -> bool:
    """https, or http to this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _loopback(host)))


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def missing_fields() -> list[str]:
    """Names of what is not set, or not usable, in camelCase."""
    usable = {"issuer": secure(settings.OIDC_ISSUER), "clientId": bool(settings.OIDC_CLIENT_ID)}
    return [name for name, there in usable.items() if not there]


def redirect_uri() -> str:
    return settings.PUBLIC_ORIGIN + CALLBACK


def client() -> Client:
    """ApiError oidc_unavailable while anything is missing."""
    if missing := missing_fields():
        raise ApiError("oidc_unavailable", data={"missing_fields": missing})
    return Client(settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET, redirect_uri())


def public_facts() -> dict:
    """`GET /auth/oidc/config`: no secret, nothing from the network."""
    missing = missing_fields()
    facts = {"enabled": bool(settings.OIDC_ISSUER or settings.OIDC_CLIENT_ID), "configured": not missing, "login_available": not missing}
    facts |= {"missing_fields": missing, "scopes": list(SCOPES)}
    if settings.OIDC_CLIENT_ID:
        facts["client_id"] = settings.OIDC_CLIENT_ID
    if settings.OIDC_ISSUER:
        facts["issuer"] = settings.OIDC_ISSUER
    if facts["enabled"]:
        facts["redirect_uri"] = redirect_uri()
    return facts
