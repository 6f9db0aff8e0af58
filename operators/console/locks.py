"""Exclusive locks (04 §2). A holder who has been silent for 60 s holds nothing, whatever the sweep has done so far."""

from django.db import transaction
from django.db.models import QuerySet

from config.kernel import clock
from config.kernel.access import Actor, Perm, Subsystem, ports
from config.kernel.errors import ApiError
from operators import verbs
from operators.console import handovers, room, shapes
from operators.console.models import ConsoleOperator, ControlRoom, SubsystemLock
from operators.console.states import is_present, may_command


def held() -> QuerySet[SubsystemLock]:
    """All rows, with their holders; those of silent holders are void."""
    return SubsystemLock.objects.select_related("operator", "operator__user")


def living() -> list[SubsystemLock]:
    """The locks that bind anybody now, by subsystem."""
    now = clock.now()
    return [lock for lock in held().order_by("subsystem") if is_present(lock.operator.last_seen, now)]


def of_operator(operator: ConsoleOperator) -> list[str]:
    """The subsystems that this operator holds, in their order."""
    names = {lock.subsystem for lock in living() if lock.operator_id == operator.pk}
    return [subsystem.value for subsystem in Subsystem if subsystem in names]


def refusal(lock: SubsystemLock) -> ApiError:
    """The 409 that names the holder; the same on a lock and on every guarded command."""
    return ApiError(
        "subsystem_locked",
        f"{lock.operator.name} holds {lock.subsystem}. Ask them to hand it over, or a director to free it.",
        data={"subsystem": lock.subsystem, "holder": shapes.person(lock.operator), "acquired_at": lock.acquired_at},
    )


def demand_role(operator: ConsoleOperator, subsystem: str) -> None:
    """ApiError role_not_permitted unless the operator's role commands the subsystem."""
    if not may_command(operator.role, subsystem):
        raise ApiError(
            "role_not_permitted",
            f"The role {operator.role} does not command {subsystem}.",
            data={"permission": Perm.CONTROL_ROOM_OPERATE.value, "role": operator.role, "subsystem": subsystem},
        )


def demand_present(operator: ConsoleOperator) -> None:
    if not is_present(operator.last_seen, clock.now()):
        raise ApiError("operator_not_connected")


def acquire(*, actor: Actor, operator: ConsoleOperator, subsystem: str, reason: str | None = None) -> SubsystemLock:
    """The lock, held by `operator`; again by its holder: as it is, no event. ApiError role_not_permitted, operator_not_connected, subsystem_locked."""
    demand_role(operator, subsystem)
    demand_present(operator)
    mine = held().filter(operator=operator, subsystem=subsystem).first()
    if mine is not None:
        return mine
    with transaction.atomic():
        me = ConsoleOperator.objects.select_for_update(no_key=True, of=("self",)).get(pk=operator.pk)
        where = room.locked()
        if me.deleted_at is not None:
            raise ApiError("credential_revoked")
        found = held().filter(control_room=where, subsystem=subsystem).first()
        if found is not None and found.operator_id == me.pk:
            return found
        if found is not None and is_present(found.operator.last_seen, clock.now()):
            raise refusal(found)
        if found is not None:
            free(where, found, cause="stale", who=room.SYSTEM)
        lock = SubsystemLock.objects.create(control_room=where, subsystem=subsystem, operator=me, acquired_at=clock.now(), reason=reason)
        _record(verbs.LOCK_ACQUIRED, actor, lock)
        room.changed(where, "lock.acquired", {"subsystem": subsystem, "lock": shapes.lock(lock)}, room.by(actor, me))
        return lock


@transaction.atomic
def release(*, actor: Actor, operator: ConsoleOperator, subsystem: str) -> None:
    """ApiError not_locked, lock_not_owned."""
    where = room.locked()
    lock = binding(where, subsystem)
    if lock.operator_id != operator.pk:
        raise ApiError("lock_not_owned", data={"subsystem": subsystem, "holder": shapes.person(lock.operator)})
    free(where, lock, cause="released", who=room.by(actor, operator))
    _record(verbs.LOCK_RELEASED, actor, lock)


@transaction.atomic
def force(*, actor: Actor, director: ConsoleOperator, subsystem: str, reason: str | None = None) -> None:
    """Free it, whoever holds it; the director does not take it. ApiError not_locked."""
    where = room.locked()
    lock = binding(where, subsystem)
    free(where, lock, cause="forced", who=room.by(actor, director), reason=reason)
    _record(verbs.LOCK_FORCED, actor, lock, reason=reason or "")


def binding(where: ControlRoom, subsystem: str) -> SubsystemLock:
    """The lock as it binds now; a silent holder's counts as none, and the sweep will say so."""
    lock = held().filter(control_room=where, subsystem=subsystem).first()
    if lock is None or not is_present(lock.operator.last_seen, clock.now()):
        raise ApiError("not_locked", data={"subsystem": subsystem})
    return lock


def free(where: ControlRoom, lock: SubsystemLock, *, cause: str, who: dict, reason: str | None = None) -> None:
    """Delete the row and say so; an open ask for it is void. cause: released, forced, stale, deleted or permission_lost."""
    lock.delete()
    handovers.void_for(where, lock.subsystem, who=who)
    facts = {"subsystem": lock.subsystem, "holder": shapes.person(lock.operator), "cause": cause, "reason": reason}
    room.changed(where, "lock.released", facts, who)


def free_all(where: ControlRoom, operator: ConsoleOperator, *, cause: str, who: dict) -> list[str]:
    """Free every lock of an operator; the subsystems."""
    freed = []
    for lock in held().filter(control_room=where, operator=operator).order_by("subsystem"):
        free(where, lock, cause=cause, who=who)
        freed.append(lock.subsystem)
    return freed


def _record(verb: str, actor: Actor, lock: SubsystemLock, reason: str = "") -> None:
    ports.record(
        verb,
        actor=actor,
        outcome="succeeded",
        subject=("subsystem_lock", lock.subsystem, lock.subsystem),
        permission=Perm.CONTROL_ROOM_OPERATE,
        details={"subsystem": lock.subsystem, "holder": lock.operator.public_id, "holder_name": lock.operator.name, "reason": reason},
    )
