"""Groups: everyone in one has its roles and reaches what is granted to it."""

from collections.abc import Callable

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from config.kernel.access import Actor, Perm, ports, require
from config.kernel.errors import ApiError
from operators import verbs
from operators.access import holdings
from operators.access.models import Role
from operators.access.services import access_changed
from operators.identity.models import User
from operators.identity.people import rules

LIMIT = 200


def state_of(group: Group) -> dict:
    """What the audit keeps of a group, and what its ETag is made of."""
    return {
        "name": group.name,
        "roles": sorted(holdings.roles(group)),
        "member_ids": sorted(str(pk) for pk in group.user_set.values_list("pk", flat=True)),
        "grants": holdings.written(holdings.grants(group)),
    }


def _record(verb: str, actor: Actor, group: Group, **sides) -> None:
    ports.record(verb, actor=actor, subject=("group", str(group.pk), group.name), outcome="succeeded", permission=Perm.AUTH_MANAGE, **sides)


def create(*, actor: Actor, name: str, roles=(), members=(), grants=()) -> Group:
    """ApiError duplicate_name, limit_reached, permission_denied."""
    with rules.nobody_locked_out(actor):
        if Group.objects.count() >= LIMIT:
            raise ApiError("limit_reached", data={"limit": LIMIT})
        group = Group(name=name)
        _save(group)
        _write(actor, group, roles=set(roles), members=list(members), grants=set(grants))
        _record(verbs.GROUP_CREATED, actor, group, after=state_of(group))
        access_changed()
    return group


def _save(group: Group) -> None:
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError as error:
        raise ApiError("duplicate_name") from error


def edit(
    *, actor: Actor, group: Group, name=None, roles=None, members=None, grants=None, check: Callable[[Group], None] = lambda _row: None
) -> Group:
    """Replace what is given; None leaves it. ApiError duplicate_name, permission_denied, self_lockout, last_owner."""
    with rules.nobody_locked_out(actor):
        group = _locked(group)
        check(group)
        before = state_of(group)
        if name is not None and name != group.name:
            group.name = name
            _save(group)
        _write(actor, group, roles=roles, members=members, grants=grants)
        after = state_of(group)
        if after != before:
            _demand_whole(actor, before["roles"], after["roles"])
            _record(verbs.GROUP_UPDATED, actor, group, before=before, after=after)
            access_changed()
    return group


def _demand_whole(actor: Actor, before, after) -> None:
    """A group of owners is theirs: what it was, and what it has become."""
    if Role.OWNER in {*before, *after}:
        require(actor, Perm.SYSTEM_ADMIN)


def delete(*, actor: Actor, group: Group) -> None:
    """ApiError permission_denied, self_lockout, last_owner."""
    with rules.nobody_locked_out(actor):
        group = _locked(group)
        rules.demand_held(actor, holdings.roles(group))
        rules.demand_may_touch_groups(actor, [group])
        _record(verbs.GROUP_DELETED, actor, group, before=state_of(group))
        group.delete()
        access_changed()


def _locked(group: Group) -> Group:
    row = Group.objects.select_for_update().filter(pk=group.pk).first()
    if row is None:
        raise ApiError("not_found")
    return row


def _write(actor: Actor, group: Group, *, roles, members, grants) -> None:
    """Roles first: who comes or goes then gets or loses what the group is from now on, and the actor must hold all of it."""
    held = holdings.roles(group)
    if (roles is not None and set(roles) != held) or (grants is not None and set(grants) != holdings.grants(group)):
        rules.demand_may_touch_groups(actor, [group])
    if roles is not None:
        rules.demand_held(actor, held ^ set(roles))
        holdings.set_roles(group, roles)
    if members is not None:
        wanted: set[User] = set(members)
        changed = wanted ^ set(group.user_set.all())
        if changed:
            rules.demand_held(actor, held | (set(roles) if roles is not None else set()))
            rules.demand_may_touch_all(actor, changed)
        group.user_set.set(wanted)
    if grants is not None:
        holdings.set_grants(group, grants)
