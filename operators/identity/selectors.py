"""Who is behind a credential, and which sign-ins a user has."""

import hashlib
from datetime import timedelta

from django.db.models import QuerySet

from config.kernel import clock, credentials
from config.kernel.access import Actor, Kind, Perm, holds
from config.kernel.errors import ApiError
from operators.identity.models import SignIn, SignInKind

TOKEN_PREFIX = "tr_usr_"
SEEN_EVERY = timedelta(minutes=1)


def session_digest(session_key: str) -> bytes:
    """What is stored of a session cookie."""
    return hashlib.sha256(session_key.encode()).digest()


def actor_of(sign_in: SignIn) -> Actor:
    """The actor of a live sign-in; its user is loaded with it."""
    user = sign_in.user
    by_cookie = sign_in.kind == SignInKind.COOKIE
    return Actor(
        kind=Kind.USER,
        id=str(user.pk),
        label=user.label,
        credential_prefix="" if by_cookie else f"{TOKEN_PREFIX}…{sign_in.last_four}",
        credential_id=str(sign_in.pk),
        sign_in_id=str(sign_in.pk),
        by_cookie=by_cookie,
        must_change_password=user.must_change_password,
        until=sign_in.expires_at,
        subject=user,
    )


def actor_of_token(token: str) -> Actor:
    """The credential port of `tr_usr_`: ApiError credential_invalid, _revoked or _expired."""
    sign_in = SignIn.objects.select_related("user").filter(digest=credentials.digest(token), kind=SignInKind.TOKEN).first()
    if sign_in is None:
        raise ApiError("credential_invalid")
    if sign_in.revoked_at is not None or not sign_in.user.is_active:
        raise ApiError("credential_revoked")
    if sign_in.expires_at <= clock.now():
        raise ApiError("credential_expired")
    _seen(sign_in)
    return actor_of(sign_in)


def actor_of_cookie(request) -> Actor | None:
    """The port `cookie_actor`: None without a session cookie, or with one that signs nobody in (any more)."""
    session = getattr(request, "session", None)
    if session is None or not session.session_key:
        return None
    live = SignIn.objects.select_related("user").live(clock.now())
    sign_in = live.filter(digest=session_digest(session.session_key), kind=SignInKind.COOKIE, user__disabled_at=None).first()
    if sign_in is None:
        return None
    _seen(sign_in)
    return actor_of(sign_in)


def _seen(sign_in: SignIn) -> None:
    now = clock.now()
    if now - sign_in.last_seen_at >= SEEN_EVERY:
        SignIn.objects.filter(pk=sign_in.pk, last_seen_at__lte=now - SEEN_EVERY).update(last_seen_at=now)


def live_sign_ins(*user_ids) -> QuerySet[SignIn]:
    """Sign-ins of these users that still open something."""
    return SignIn.objects.live(clock.now()).filter(user_id__in=user_ids).select_related("user")


def manageable_sign_ins(actor: Actor) -> QuerySet[SignIn]:
    """Live sign-ins that the actor may end: their own, and with `auth:manage` everyone's."""
    if holds(actor, Perm.AUTH_MANAGE):
        return SignIn.objects.live(clock.now()).select_related("user")
    return live_sign_ins(actor.id)
