"""Signing in and out, and the own password. Every change is recorded in its transaction; revoking reaches open sockets on commit."""

import secrets
import string
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import ValidationError
from django.db import transaction

from config.kernel import clock, context, credentials
from config.kernel.access import ANONYMOUS, Actor, Perm, ports, require
from config.kernel.errors import ApiError
from operators import verbs
from operators.access.selectors import owners
from operators.access.services import access_changed
from operators.identity import throttles
from operators.identity.models import SignIn, SignInKind, User
from operators.identity.names import normal_email
from operators.identity.selectors import TOKEN_PREFIX, actor_of, live_sign_ins, session_digest

LIVE_SIGN_INS = 20
_ALPHABET = string.ascii_letters + string.digits


def generated_password() -> str:
    """20 characters, shown once: 119 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(20))


def verify_password(*, request, email: str, password: str) -> User:
    """The user with this e-mail and password. ApiError sign_in_failed (one answer for every cause), sign_in_locked, throttled.

    The brakes are asked before anything is hashed.
    """
    username = normal_email(email)
    with throttles.sign_in_attempt(request, username):
        user = authenticate(request=request, username=username, password=password)
        if user is None:
            raise refused("sign_in_failed", username=username)
    return user


def refused(code: str, **details) -> ApiError:
    """The error of a sign-in that came to nothing, recorded. Raise it outside the transaction that found out."""
    ports.record(verbs.SIGN_IN_FAILED, actor=ANONYMOUS, outcome="denied", reason=code, details=details)
    return ApiError(code)


def sign_in(*, request, user: User, session=None) -> tuple[SignIn, str | None]:
    """A new sign-in, and its token (None for a cookie: then `session` gets a new key, so that a planted one is worthless).

    Beyond 20 live ones the oldest is revoked. ApiError sign_in_failed when `user`, who was verified, has been reset, disabled or deleted since.
    """
    with transaction.atomic():
        row = User.objects.select_for_update().filter(pk=user.pk).first()
        # Whoever resets or disables ends the sign-ins that are there: one made of what was verified before must not come after.
        if row is not None and row.password == user.password and row.is_active:
            return _signed_in(request, user, session)
    raise refused("sign_in_failed", username=user.username)


def _signed_in(request, user: User, session) -> tuple[SignIn, str | None]:
    now = clock.now()
    row = SignIn(user=user, created_at=now, last_seen_at=now, expires_at=now + timedelta(seconds=settings.SIGN_IN_SECONDS))
    row.ip, row.user_agent = context.client_address(request), credentials.redacted(request.META.get("HTTP_USER_AGENT", ""))[:256]
    token = None
    if session is None:
        minted = credentials.mint(TOKEN_PREFIX)
        row.kind, row.digest, row.last_four, token = SignInKind.TOKEN, minted.digest, minted.last_four, minted.token
    else:
        session.flush()
        session["sign_in"] = str(row.pk)
        session.create()
        session.modified = True
        row.kind, row.digest = SignInKind.COOKIE, session_digest(session.session_key)
    row.save(force_insert=True)
    _revoke_beyond_limit(user, actor_of(row))
    ports.record(verbs.SIGNED_IN, actor=actor_of(row), subject=("user", str(user.pk), user.label), outcome="succeeded", details={"kind": row.kind})
    # Axes forgets the failures, Django writes last_login.
    user_logged_in.send(sender=User, request=request, user=user)
    return row, token


def _revoke_beyond_limit(user: User, actor: Actor) -> None:
    surplus = live_sign_ins(user.pk).order_by("-created_at", "-pk")[LIVE_SIGN_INS:]
    for row in surplus:
        _revoke(row, actor, "more than 20 sign-ins")


def _revoke(row: SignIn, actor: Actor, reason: str, permission: Perm | None = None) -> bool:
    """End one sign-in; False if it has ended already."""
    ended = bool(SignIn.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=clock.now()))
    if ended:
        ports.record(
            verbs.SIGN_IN_REVOKED,
            actor=actor,
            subject=("user", str(row.user_id), row.user.label),
            outcome="succeeded",
            permission=permission,
            reason=reason,
            details={"sign_in_id": str(row.pk), "kind": row.kind},
        )
        access_changed()
    return ended


@transaction.atomic
def sign_out(*, actor: Actor) -> None:
    """End the sign-in that `actor` came with; nothing for who has none."""
    if actor.sign_in_id and SignIn.objects.filter(pk=actor.sign_in_id, revoked_at=None).update(revoked_at=clock.now()):
        ports.record(verbs.SIGNED_OUT, actor=actor, subject=("user", actor.id, actor.label), outcome="succeeded")
        access_changed()


@transaction.atomic
def revoke_sign_in(*, actor: Actor, row: SignIn) -> None:
    """End a sign-in: one's own, or with `auth:manage` another's (an owner's with `system:admin`)."""
    anothers = str(row.user_id) != actor.id
    if anothers:
        require(actor, Perm.AUTH_MANAGE)
        if owners().filter(pk=row.user_id).exists():
            require(actor, Perm.SYSTEM_ADMIN)
    _revoke(row, actor, "revoked", Perm.AUTH_MANAGE if anothers else None)


@transaction.atomic
def revoke_others(*, actor: Actor, reason: str = "revoked with the others") -> int:
    """End all sign-ins of the actor's user but the one in use; how many."""
    rows = live_sign_ins(actor.id).exclude(pk=actor.sign_in_id)
    return sum(_revoke(row, actor, reason) for row in rows)


@transaction.atomic
def revoke_all(*, actor: Actor, user: User, reason: str) -> int:
    """End every sign-in of a user; how many."""
    return sum(_revoke(row, actor, reason) for row in live_sign_ins(user.pk))


@transaction.atomic
def unlock(*, actor: Actor, user: User) -> None:
    """Lift axes' lock of the user's account, from every address."""
    attempts = throttles.forget(user.username)
    ports.record(verbs.USER_UNLOCKED, actor=actor, subject=("user", str(user.pk), user.label), outcome="succeeded", details={"attempts": attempts})


def demand_good_password(user: User, password: str, *, unlike: str | None = None, path: str = "newPassword") -> None:
    """ApiError validation_failed with everything that speaks against this password; `path` is the field that it came in."""
    found = [("password_unchanged", "The new password is the old one.")] if password == unlike else []
    try:
        validate_password(password, user)
    except ValidationError as error:
        found += [(item.code or "invalid", message) for item in error.error_list for message in item.messages]
    if found:
        raise ApiError("validation_failed", data={"errors": [{"path": path, "code": code, "message": message} for code, message in found]})


def change_password(*, actor: Actor, current: str, new: str) -> None:
    """Set the own password and end the other sign-ins. ApiError validation_failed (`newPassword`), password_unavailable,
    current_password_wrong, throttled, credential_revoked. Hashing, which is slow on purpose, happens outside the transaction.
    """
    user: User = actor.subject
    if not user.has_usable_password():
        raise ApiError("password_unavailable")
    throttles.count_password_change(user)
    if not user.check_password(current):
        raise ApiError("current_password_wrong")
    checked = user.password
    demand_good_password(user, new, unlike=current)
    encoded = make_password(new)
    with transaction.atomic():
        user = _as_checked(actor, checked)
        user.password, user.must_change_password = encoded, False
        user.save(update_fields=["password", "must_change_password"])
        ports.record(verbs.PASSWORD_CHANGED, actor=actor, subject=("user", actor.id, user.label), outcome="succeeded")
        revoke_others(actor=actor, reason="password changed")
    access_changed()


def _as_checked(actor: Actor, password: str) -> User:
    """The actor's row, held. A reset that came since the check stands, as does a change made by the same sign-in."""
    row = User.objects.select_for_update().filter(pk=actor.id).first()
    if row is None or not live_sign_ins(actor.id).filter(pk=actor.sign_in_id).exists():
        raise ApiError("credential_revoked")
    if row.password != password:
        raise ApiError("current_password_wrong")
    return row
