"""Logins on their way to the provider and back: begun with a row and a cookie, ended by whoever brings both, once."""

import hashlib
import secrets
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils.crypto import get_random_string

from config.kernel import clock, sealing
from config.kernel.access import Actor, Kind
from config.kernel.errors import ApiError
from operators.identity.models import SignIn
from operators.identity.oidc import provider
from operators.identity.oidc.config import Client
from operators.identity.oidc.models import Intent, Mode, OidcState

LOGIN_SECONDS = 600
_PURPOSE = "oidc-verifier"


class Begun(NamedTuple):
    """Where to send the browser, and what its cookie must hold when it comes back."""

    url: str
    browser: str


def cookie_name() -> str:
    """Cookies ignore ports, so the name carries the instance."""
    return f"{'__Host-' if settings.HTTPS else ''}tr_o_{settings.INSTANCE_ID}"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def begin(client: Client, *, actor: Actor, next_path: str, mode: Mode, intent: Intent) -> Begun:
    """A new login. ApiError not_authenticated when nobody is there to link to, password_change_required, oidc_provider_error."""
    linking = intent == Intent.LINK
    if linking and actor.kind is not Kind.USER:
        raise ApiError("not_authenticated")
    if linking and actor.must_change_password:
        raise ApiError("password_change_required")
    state, nonce, browser = (secrets.token_urlsafe(32) for _ in range(3))
    verifier = get_random_string(64)
    url = provider.authorization_url(client, state=state, nonce=nonce, verifier=verifier)
    now = clock.now()
    OidcState.objects.create(
        state_digest=_digest(state),
        browser_digest=_digest(browser),
        nonce=nonce,
        verifier=sealing.seal(verifier, _PURPOSE),
        next=next_path,
        mode=mode,
        intent=intent,
        user_id=actor.id if linking else None,
        sign_in_id=actor.sign_in_id if linking else None,
        created_at=now,
        expires_at=now + timedelta(seconds=LOGIN_SECONDS),
    )
    return Begun(url, browser)


def finish(*, state: str, browser: str) -> tuple[OidcState, str]:
    """The login that this browser began, spent by this, and its PKCE verifier. ApiError oidc_state_invalid, one answer for every cause."""
    now = clock.now()
    digest = _digest(state)
    with transaction.atomic(durable=True):
        mine = OidcState.objects.filter(state_digest=digest, browser_digest=_digest(browser), used_at=None, expires_at__gt=now)
        spent = mine.update(used_at=now)
    login = OidcState.objects.filter(state_digest=digest).first() if spent else None
    verifier = sealing.unseal(login.verifier, _PURPOSE) if login else None
    if verifier is None:
        raise ApiError("oidc_state_invalid")
    return login, verifier


def linking_sign_in(login: OidcState) -> SignIn:
    """By which somebody began to link, if it still lives. ApiError oidc_state_invalid."""
    live = SignIn.objects.live(clock.now()).select_related("user")
    sign_in = live.filter(pk=login.sign_in_id, user_id=login.user_id, user__disabled_at=None).first()
    if sign_in is None:
        raise ApiError("oidc_state_invalid")
    return sign_in
