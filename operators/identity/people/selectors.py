"""Users and groups as administrators see them, with everything that their shapes show in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from django.contrib.auth.models import Group, Permission
from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce

from operators.access import holdings, scopes
from operators.access.catalogue import permissions_of
from operators.access.models import EVERYTHING, Role
from operators.identity.models import User

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def users() -> QuerySet[User]:
    """All users, with sortable columns for what may be missing."""
    rows = User.objects.annotate(email_sort=Coalesce("email", Value("")), seen_sort=Coalesce("last_login", Value(_NEVER)))
    return rows.prefetch_related("role_rows", "groups__role_rows", "oidc_identities", "wallets")


def user(pk) -> User:
    """One of them, freshly read."""
    return users().get(pk=pk)


def user_named(pk: str) -> User | None:
    """The user with this id; None for an id that is none, too."""
    key = scopes.pk_of(User, pk)
    return User.objects.filter(pk=key).first() if key is not None else None


def groups() -> QuerySet[Group]:
    return Group.objects.prefetch_related("role_rows", "user_set")


def group(pk) -> Group:
    return groups().get(pk=pk)


def sorted_roles(rows) -> list[str]:
    """Role rows as names, in the catalogue's order."""
    held = {row.role for row in rows}
    return [role.value for role in Role if role in held]


class Grants:
    """What is granted to each of these users or groups: a query for each granted kind and one for what is held globally."""

    def __init__(self, holders: Iterable):
        holders = list(holders)
        self.held: dict[object, list[holdings.Grant]] = defaultdict(list)
        if holders:
            self._read(holders)

    def _read(self, holders) -> None:
        for_users = isinstance(holders[0], User)
        column, ids = ("user_id" if for_users else "group_id"), [holder.pk for holder in holders]
        by_codename = {}
        for kind in holdings.granted_kinds():
            table = kind.grant_models[0 if for_users else 1]
            for holder_id, pk in table.objects.filter(**{f"{column}__in": ids}).order_by("pk").values_list(column, "content_object_id"):
                self.held[holder_id].append((kind.name, str(pk)))
            by_codename[kind.model._meta.app_label, kind.codename] = kind.name
        through = "user" if for_users else "group"
        rows = Permission.objects.filter(codename__startswith="scope_", **{f"{through}__in": ids})
        for holder_id, app, codename in rows.values_list(f"{through}__pk", "content_type__app_label", "codename"):
            if name := by_codename.get((app, codename)):
                self.held[holder_id].append((name, EVERYTHING))

    def of(self, holder) -> list[dict[str, str]]:
        """In the wire's shape."""
        return [{"resourceType": kind, "resourceId": pk} for kind, pk in self.held.get(holder.pk, ())]


def permissions(row: User) -> list[str]:
    """By their own roles and their groups', from what was prefetched."""
    own = {held.role for held in row.role_rows.all()}
    by_group = {held.role for member_of in row.groups.all() for held in member_of.role_rows.all()}
    return sorted(permission.value for permission in permissions_of(own | by_group))
