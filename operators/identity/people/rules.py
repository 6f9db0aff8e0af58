"""Who may do what to whom (03 §1): nobody hands out what they do not hold, an owner is touched by owners alone, nobody locks the room out."""

from collections.abc import Iterable
from contextlib import contextmanager

from django.contrib.auth.models import Group
from django.db import connection, transaction

from config.kernel.access import Actor, Kind, Perm, require
from config.kernel.errors import ApiError
from operators.access.catalogue import permissions_of
from operators.access.models import GroupRole, Role
from operators.access.selectors import enabled_owners, owners, standing_of, standing_of_user
from operators.identity.models import User
from operators.workspaces.selectors import owned_alone


def is_owner(user: User) -> bool:
    """Themselves or by a group."""
    return owners().filter(pk=user.pk).exists()


def asked_of(user: User) -> Perm:
    """The permission that changing this user asks for."""
    return Perm.SYSTEM_ADMIN if is_owner(user) else Perm.AUTH_MANAGE


def demand_held(actor: Actor, roles: Iterable[str]) -> None:
    """To give or take a role one holds, by user role, every permission in it. ApiError permission_denied names what lacks."""
    for permission in sorted(permissions_of(roles)):
        if permission not in standing_of(actor).permissions:
            raise ApiError("permission_denied", data={"permission": permission.value, "rule": "not_held"})


def demand_may_touch(actor: Actor, user: User) -> None:
    """ApiError permission_denied for an owner, unless by an owner."""
    require(actor, asked_of(user))


def demand_may_touch_all(actor: Actor, users: Iterable[User]) -> None:
    """The same for several, in one query."""
    if owners().filter(pk__in=[user.pk for user in users]).exists():
        require(actor, Perm.SYSTEM_ADMIN)


def demand_may_touch_groups(actor: Actor, groups: Iterable[Group]) -> None:
    """The same for whoever is in these groups: what becomes of a group's roles and grants becomes of its members. A group of owners is theirs even empty."""
    pks = [group.pk for group in groups]
    if GroupRole.objects.filter(group__in=pks, role=Role.OWNER).exists() or owners().filter(groups__in=pks).exists():
        require(actor, Perm.SYSTEM_ADMIN)


def is_self(actor: Actor, user: User) -> bool:
    return actor.kind is Kind.USER and actor.id == str(user.pk)


def removal_refusal(actor: Actor, user: User) -> str | None:
    """Why this user can't be disabled or deleted: `self_lockout`, `last_owner`."""
    if is_self(actor, user):
        return "self_lockout"
    if user.is_active and is_owner(user) and not enabled_owners().exclude(pk=user.pk).exists():
        return "last_owner"
    return None


def deletion_refusal(actor: Actor, user: User) -> str | None:
    """The same for deleting, which takes memberships along: the last owner of a workspace stays, too."""
    return removal_refusal(actor, user) or ("last_owner" if owned_alone(user).exists() else None)


def refuse(code: str | None) -> None:
    if code is not None:
        raise ApiError(code)


@contextmanager
def nobody_locked_out(actor: Actor):
    """A transaction at whose end the actor still manages access and the installation still has an enabled owner.

    Such changes follow one another, so that two owners cannot remove each other. ApiError self_lockout, last_owner; the change is undone.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('access.owners', 0))")
        there_was_one = enabled_owners().exists()
        yield
        if actor.kind is Kind.USER and not _still_manages(actor):
            raise ApiError("self_lockout")
        if there_was_one and not enabled_owners().exists():
            raise ApiError("last_owner")


def _still_manages(actor: Actor) -> bool:
    user = User.objects.filter(pk=actor.id, disabled_at=None).first()
    return user is not None and Perm.AUTH_MANAGE in standing_of_user(user).permissions
