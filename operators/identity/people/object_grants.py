"""Grants seen from the thing: who reaches it by one."""

from collections.abc import Iterable

from django.contrib.auth.models import Group

from config.kernel.access import Actor
from operators.access import holdings, scopes
from operators.access.services import set_grants
from operators.identity.models import User
from operators.identity.people import rules


def set_holders(*, actor: Actor, kind: scopes.ScopeKind, pk, users: Iterable[User], groups: Iterable[Group]) -> None:
    """Grant this thing to exactly these users and groups; what is granted to them beside it stays.

    ApiError permission_denied (owners, and groups that they are in), limit_reached.
    """
    held_by, held_by_groups = holdings.holders_of(kind, pk)
    changed_users, changed_groups = set(users) ^ set(held_by), set(groups) ^ set(held_by_groups)
    with rules.nobody_locked_out(actor):
        rules.demand_may_touch_all(actor, changed_users)
        rules.demand_may_touch_groups(actor, changed_groups)
        for user in sorted(changed_users, key=lambda one: one.pk):
            set_grants(kind=kind.name, actor=actor, object_ids=_toggled(user, kind, pk), user=user)
        for group in sorted(changed_groups, key=lambda one: one.pk):
            set_grants(kind=kind.name, actor=actor, object_ids=_toggled(group, kind, pk), group=group)


def _toggled(holder: holdings.Holder, kind: scopes.ScopeKind, pk) -> set[str]:
    return {held for name, held in holdings.grants(holder) if name == kind.name} ^ {str(pk)}
