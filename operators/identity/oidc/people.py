"""Who an identity of the provider is here: known, made at first sight, or linked by a person who is signed in. Never found by e-mail."""

import hashlib

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from config.kernel import clock
from config.kernel.access import Actor, ports, system
from config.kernel.errors import ApiError
from operators import verbs
from operators.access.models import Role
from operators.access.services import set_roles
from operators.identity.models import User
from operators.identity.names import normal_email
from operators.identity.oidc import claims as reading
from operators.identity.oidc.models import OidcIdentity

_ACTOR = system("oidc")


def username_of(issuer: str, subject: str) -> str:
    """`oidc:` and 16 hex of SHA-256 over (issuer, sub)."""
    return "oidc:" + hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()[:16]


@transaction.atomic
def user_for(claims: dict, *, issuer: str) -> User:
    """The user of (issuer, sub), with roles and groups as the provider's claims map to them.

    ApiError sign_in_failed (disabled), oidc_not_provisioned, oidc_email_conflict.
    """
    user = _known(claims, issuer) or _provisioned(claims, issuer)
    if not user.is_active:
        raise ApiError("sign_in_failed")
    OidcIdentity.objects.filter(issuer=issuer, subject=claims["sub"]).update(last_seen_at=clock.now())
    reading.apply_maps(user, claims)
    return user


def _known(claims: dict, issuer: str) -> User | None:
    identity = OidcIdentity.objects.select_related("user").filter(issuer=issuer, subject=claims["sub"]).first()
    return identity.user if identity else None


def _provisioned(claims: dict, issuer: str) -> User:
    if not settings.OIDC_PROVISION:
        raise ApiError("oidc_not_provisioned")
    username = username_of(issuer, claims["sub"])
    with connection.cursor() as cursor:
        # First logins of one person wait for one another; the second one finds what the first has made.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [username])
    if user := _known(claims, issuer):
        return user
    email = verified_email(claims)
    if email and User.objects.filter(Q(email=email) | Q(username=email)).exists():
        raise ApiError("oidc_email_conflict")
    name = reading.text(claims, "name") or reading.text(claims, "preferred_username") or email or username
    try:
        with transaction.atomic():
            user = User.objects.create_user(username, email=email, name=name)
            OidcIdentity.objects.create(user=user, issuer=issuer, subject=claims["sub"])
    except IntegrityError as error:
        # Somebody took the e-mail meanwhile.
        raise ApiError("oidc_email_conflict") from error
    _record(verbs.USER_CREATED, _ACTOR, user, issuer)
    roles = set(settings.OIDC_DEFAULT_ROLES) & set(Role.values) - {Role.OWNER.value}
    if roles:
        set_roles(user=user, roles=roles, actor=_ACTOR)
    return user


def verified_email(claims: dict) -> str | None:
    """The e-mail, if the provider says that it verified it."""
    sent = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(sent, str):
        return None
    email = normal_email(sent)
    try:
        EmailValidator()(email)
    except ValidationError:
        return None
    return email if len(email) <= 254 else None


@transaction.atomic
def link(claims: dict, *, issuer: str, user: User, actor: Actor) -> None:
    """This identity signs in as `user` from now on. ApiError oidc_identity_taken when it is somebody else's."""
    identity, made = OidcIdentity.objects.get_or_create(issuer=issuer, subject=claims["sub"], defaults={"user": user})
    if identity.user_id != user.pk:
        raise ApiError("oidc_identity_taken")
    if made:
        _record(verbs.IDENTITY_LINKED, actor, user, issuer)


def _record(verb: str, actor: Actor, user: User, issuer: str) -> None:
    ports.record(verb, actor=actor, subject=("user", str(user.pk), user.label), outcome="succeeded", details={"issuer": issuer, "provider": "oidc"})
