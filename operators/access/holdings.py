"""What a user or a group holds: roles and grants, read and written alike for both. The only writer of the grant tables.

Nothing is checked or recorded here: services do both. A grant is `(kind, id)`; `(kind, "*")` is the kind's codename held globally.
"""

from collections.abc import Iterable

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

from operators.access import scopes
from operators.access.models import EVERYTHING, GroupRole, UserRole
from operators.identity.models import User

Holder = User | Group
Grant = tuple[str, str]
# Of one holder.
LIMIT = 1000


def _column(holder: Holder) -> dict:
    return {"user": holder} if isinstance(holder, User) else {"group": holder}


def _table(scope: scopes.ScopeKind, holder: Holder):
    return scope.grant_models[0 if isinstance(holder, User) else 1]


def _global(holder: Holder):
    return holder.user_permissions if isinstance(holder, User) else holder.permissions


def granted_kinds() -> list[scopes.ScopeKind]:
    """The kinds of which single things are granted."""
    return [kind for kind in scopes.every() if kind.grant_models]


def scope_permission(scope: scopes.ScopeKind) -> Permission:
    """Django's row for the kind's one codename."""
    return Permission.objects.get(content_type=ContentType.objects.get_for_model(scope.model), codename=scope.codename)


def roles(holder: Holder) -> set[str]:
    return set(holder.role_rows.values_list("role", flat=True))


def set_roles(holder: Holder, wanted: Iterable[str]) -> None:
    """Replace the holder's own roles."""
    table, wanted = UserRole if isinstance(holder, User) else GroupRole, set(wanted)
    held = roles(holder)
    holder.role_rows.filter(role__in=held - wanted).delete()
    table.objects.bulk_create([table(**_column(holder), role=role) for role in sorted(wanted - held)])


def grants(holder: Holder) -> set[Grant]:
    """Everything that is granted to this very holder."""
    held = {(kind.name, str(pk)) for kind in granted_kinds() for pk in _ids(kind, holder)}
    codenames = set(_global(holder).filter(codename__startswith="scope_").values_list("content_type__app_label", "codename"))
    return held | {(kind.name, EVERYTHING) for kind in granted_kinds() if (kind.model._meta.app_label, kind.codename) in codenames}


def _ids(kind: scopes.ScopeKind, holder: Holder):
    return _table(kind, holder).objects.filter(**_column(holder)).values_list("content_object_id", flat=True)


def set_grants(holder: Holder, wanted: Iterable[Grant]) -> None:
    """Replace all grants of the holder."""
    wanted = set(wanted)
    for kind in granted_kinds():
        set_grants_of_kind(kind, holder, {pk for name, pk in wanted if name == kind.name})


def set_grants_of_kind(kind: scopes.ScopeKind, holder: Holder, wanted: set[str]) -> None:
    """Replace the holder's grants of one kind; "*" among the ids is all of it."""
    table, permission = _table(kind, holder), scope_permission(kind)
    if EVERYTHING in wanted:
        _global(holder).add(permission)
    else:
        _global(holder).remove(permission)
    held, wanted = {str(pk) for pk in _ids(kind, holder)}, wanted - {EVERYTHING}
    table.objects.filter(**_column(holder), content_object_id__in=held - wanted).delete()
    table.objects.bulk_create([table(**_column(holder), permission=permission, content_object_id=pk) for pk in sorted(wanted - held)])


def holders_of(kind: scopes.ScopeKind, pk) -> tuple[list[User], list[Group]]:
    """Users and groups to whom this very thing is granted."""
    users, groups = kind.grant_models
    return (
        list(User.objects.filter(pk__in=users.objects.filter(content_object_id=pk).values("user_id")).order_by("name", "pk")),
        list(Group.objects.filter(pk__in=groups.objects.filter(content_object_id=pk).values("group_id")).order_by("name")),
    )


def written(grants_held: Iterable[Grant]) -> list[str]:
    """Grants as the audit writes them: `site:…`, `node:*`."""
    return sorted(f"{kind}:{pk}" for kind, pk in grants_held)
