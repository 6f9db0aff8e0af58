"""Changes of who may do what. Every one tells the open sockets (`access_changed`)."""

import time

from django.db import transaction
from django.dispatch import Signal

from config.kernel import broker
from config.kernel.access import Actor, ports, system
from config.kernel.errors import ApiError
from operators import verbs
from operators.access import holdings, scopes
from operators.access.models import Role
from operators.identity.models import User
from operators.identity.names import normal_email

_EPOCH = broker.PREFIX + "access:epoch"
# Sent after commit, without arguments, when anyone's access has changed.
AccessChanged = Signal()


def access_changed() -> None:
    """On commit, raise the epoch that requests and pushes compare, so that open sockets ask again."""
    transaction.on_commit(_announce)


def _announce() -> None:
    # A time, not a counter: a broker that lost its memory must not arrive at a number that was seen before.
    broker.attempt(lambda valkey: valkey.set(_EPOCH, time.time_ns()))
    AccessChanged.send(sender=None)


def access_epoch() -> int | None:
    """The port: differs from before when anyone's access changed; None while the broker is away."""
    value = broker.attempt(lambda valkey: valkey.get(_EPOCH) or b"0")
    return None if value is None else int(value)


@transaction.atomic
def create_owner(*, email: str, name: str = "", password: str | None = None, actor: Actor | None = None) -> User:
    """The user with this e-mail, made if absent, as an owner; `password` is set only on a new one."""
    email = normal_email(email)
    user = User.objects.select_for_update().filter(username=email).first()
    if user is None:
        user = User.objects.create_user(email, password, email=email, name=name or email)
        ports.record(verbs.USER_CREATED, actor=actor or system("bootstrap"), subject=("user", str(user.pk), user.label), outcome="succeeded")
    set_roles(user=user, roles={Role.OWNER, *user.role_rows.values_list("role", flat=True)}, actor=actor or system("bootstrap"))
    return user


@transaction.atomic
def set_roles(*, user: User, roles, actor: Actor) -> None:
    """Replace the user's own roles. Callers have checked that `actor` may."""
    before, after = holdings.roles(user), {Role(role).value for role in roles}
    if before == after:
        return
    holdings.set_roles(user, after)
    ports.record(
        verbs.ROLES_CHANGED,
        actor=actor,
        subject=("user", str(user.pk), user.label),
        outcome="succeeded",
        before={"roles": sorted(before)},
        after={"roles": sorted(after)},
    )
    access_changed()


@transaction.atomic
def set_grants(*, kind: str, actor: Actor, object_ids, user: User | None = None, group=None) -> None:
    """Replace what of a granted kind is in reach of `user` or `group` ("*": all of it).

    LookupError for a kind that takes no grants; ApiError limit_reached.
    """
    scope = scopes.named(kind)
    if scope is None or scope.grant_models is None:
        raise LookupError(f"{kind} takes no grants")
    holder = user if user is not None else group
    wanted = {(kind, str(pk)) for pk in object_ids}
    everything = holdings.grants(holder)
    held = {grant for grant in everything if grant[0] == kind}
    if wanted == held:
        return
    if len(everything - held | wanted) > max(holdings.LIMIT, len(everything)):
        raise ApiError("limit_reached", data={"limit": holdings.LIMIT})
    holdings.set_grants_of_kind(scope, holder, {pk for _, pk in wanted})
    target = ("user", str(user.pk), user.label) if user is not None else ("group", str(group.pk), group.name)
    ports.record(
        verbs.GRANTS_REPLACED,
        actor=actor,
        subject=target,
        outcome="succeeded",
        before={"grants": holdings.written(held - wanted)},
        after={"grants": holdings.written(wanted - held)},
    )
    access_changed()
