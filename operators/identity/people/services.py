"""What administrators do with users. Every change is one audit row in its transaction; open sockets hear of it on commit."""

from collections.abc import Callable, Iterable

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from audit.redaction import snapshot
from config.kernel import clock
from config.kernel.access import Actor, Perm, ports
from config.kernel.errors import ApiError
from operators import verbs
from operators.access import holdings
from operators.access.services import access_changed
from operators.console.registration import end_token_of
from operators.identity.models import User
from operators.identity.names import normal_email
from operators.identity.people import rules
from operators.identity.services import demand_good_password, generated_password, revoke_all
from operators.workspaces.services import hold_workspaces_of


def _no_check(_row) -> None:
    """Nothing was said about the state that the change is based on."""


def _record(verb: str, actor: Actor, user: User, **facts) -> None:
    ports.record(verb, actor=actor, subject=("user", str(user.pk), user.label), outcome="succeeded", permission=Perm.AUTH_MANAGE, **facts)


def _locked(user: User) -> User:
    row = User.objects.select_for_update().filter(pk=user.pk).first()
    if row is None:
        raise ApiError("not_found")
    return row


def _end_credentials(actor: Actor, user: User, reason: str) -> None:
    """Every sign-in, and the token of the operator they are in the control room."""
    revoke_all(actor=actor, user=user, reason=reason)
    end_token_of(actor=actor, user=user, reason=reason)


def access_of(user: User) -> dict:
    """What the audit keeps of a user's access."""
    return {
        "roles": sorted(holdings.roles(user)),
        "group_ids": sorted(user.groups.values_list("pk", flat=True)),
        "grants": holdings.written(holdings.grants(user)),
    }


def create(
    *, actor: Actor, email: str, name: str, password: str, roles: Iterable[str], groups: Iterable[Group] = (), grants: Iterable[holdings.Grant] = ()
) -> User:
    """ApiError validation_failed (password), permission_denied, email_taken."""
    email = normal_email(email)
    user = User(username=email, email=email, name=name)
    demand_good_password(user, password, path="password")
    rules.demand_held(actor, roles)
    user.password = make_password(password)
    with rules.nobody_locked_out(actor):
        _insert(user)
        _write_access(actor, user, roles=set(roles), groups=list(groups), grants=set(grants))
        _record(verbs.USER_CREATED, actor, user, after={**snapshot(user), **access_of(user)})
    access_changed()
    return user


def _insert(user: User) -> None:
    # A username is an e-mail, a wallet or a provider's identity; a local user's e-mail must be free as both.
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise ApiError("email_taken") from error


def _write_access(actor: Actor, user: User, *, roles, groups, grants) -> None:
    """Replace what is given; None leaves it. Whatever is given or taken must be held by the actor."""
    if roles is not None:
        rules.demand_held(actor, holdings.roles(user) ^ set(roles))
        holdings.set_roles(user, roles)
    if groups is not None:
        held = {group.pk: group for group in user.groups.all()}
        wanted = {group.pk: group for group in groups}
        for pk in held.keys() ^ wanted.keys():
            rules.demand_held(actor, holdings.roles(held.get(pk) or wanted[pk]))
        user.groups.set(wanted)
    if grants is not None:
        holdings.set_grants(user, grants)


def set_access(*, actor: Actor, user: User, roles=None, groups=None, grants=None, check: Callable[[User], None] = _no_check) -> User:
    """Replace roles, groups or grants; None leaves them. `check(row)` sees the locked row (If-Match).

    ApiError permission_denied, self_lockout, last_owner.
    """
    with rules.nobody_locked_out(actor):
        user = _locked(user)
        check(user)
        rules.demand_may_touch(actor, user)
        before = access_of(user)
        _write_access(actor, user, roles=roles, groups=groups, grants=grants)
        after = access_of(user)
        if after != before:
            _record(verbs.ACCESS_CHANGED, actor, user, before=before, after=after)
            access_changed()
    return user


def reset_password(*, actor: Actor, user: User, password: str | None = None, check: Callable[[User], None] = _no_check) -> str | None:
    """Set the password, or without one make one and return it. It must be changed at the next sign-in; every sign-in of the user ends.

    ApiError permission_denied, password_unavailable, validation_failed.
    """
    rules.demand_may_touch(actor, user)
    rules.refuse(password_refusal(user))
    made = generated_password() if password is None else None
    demand_good_password(user, made or password, path="password")
    encoded = make_password(made or password)
    with transaction.atomic():
        row = _locked(user)
        check(row)
        row.password, row.must_change_password = encoded, True
        row.save(update_fields=["password", "must_change_password"])
        _record(verbs.PASSWORD_RESET, actor, row, details={"generated": made is not None})
        _end_credentials(actor, row, "password reset")
        access_changed()
    return made


def password_refusal(user: User) -> str | None:
    """Only who signs in with a password here has one to reset."""
    return None if user.has_usable_password() else "password_unavailable"


def set_status(*, actor: Actor, user: User, disabled: bool, reason: str = "", check: Callable[[User], None] = _no_check) -> User:
    """Disable, which ends every sign-in, or enable. ApiError permission_denied, self_lockout, last_owner."""
    with rules.nobody_locked_out(actor):
        user = _locked(user)
        check(user)
        rules.demand_may_touch(actor, user)
        if disabled == (user.disabled_at is not None):
            return user
        if disabled:
            rules.refuse(rules.removal_refusal(actor, user))
        before = snapshot(user)
        user.disabled_at = clock.now() if disabled else None
        user.save(update_fields=["disabled_at"])
        _record(verbs.USER_DISABLED if disabled else verbs.USER_ENABLED, actor, user, before=before, after=snapshot(user), reason=reason or None)
        if disabled:
            _end_credentials(actor, user, "disabled")
        access_changed()
    return user


def delete(*, actor: Actor, user: User) -> None:
    """For good: sign-ins, memberships and grants go along, what they made keeps their label. ApiError permission_denied, self_lockout, last_owner."""
    with rules.nobody_locked_out(actor):
        # Memberships end with the user: their workspaces are held as leaving holds them, before the user, whom adding a member waits for.
        hold_workspaces_of(user)
        user = _locked(user)
        rules.demand_may_touch(actor, user)
        rules.refuse(rules.deletion_refusal(actor, user))
        _end_credentials(actor, user, "deleted")
        _record(verbs.USER_DELETED, actor, user, before={**snapshot(user), **access_of(user)})
        user.delete()
        access_changed()
