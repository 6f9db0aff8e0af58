"""Asking for a lock that somebody holds: 30 s to answer, and silence leaves it where it is (04 §2)."""

from django.db import transaction
from django.db.models import QuerySet

from config.kernel import clock
from config.kernel.access import Actor, Perm, ports
from config.kernel.errors import ApiError
from operators import verbs
from operators.console import locks, room, shapes
from operators.console.identity import operator_of
from operators.console.models import ConsoleOperator, ControlRoom, Handover, SubsystemLock
from operators.console.states import HANDOVER_FOR, HandoverOutcome, ProductionRole, is_present


def every() -> QuerySet[Handover]:
    return Handover.objects.select_related("holder", "asker", "control_room")


def open_now() -> list[Handover]:
    """Those that still wait for an answer."""
    return list(every().filter(outcome="", expires_at__gt=clock.now()).order_by("subsystem"))


def ask(*, actor: Actor, operator: ConsoleOperator, subsystem: str, note: str | None = None) -> Handover:
    """ApiError role_not_permitted, operator_not_connected, not_locked, already_holder, handover_pending."""
    locks.demand_role(operator, subsystem)
    locks.demand_present(operator)
    with transaction.atomic():
        where = room.locked()
        now = clock.now()
        lock = locks.binding(where, subsystem)
        if lock.operator_id == operator.pk:
            raise ApiError("already_holder")
        expire(where)
        if every().filter(control_room=where, subsystem=subsystem, outcome="").exists():
            raise ApiError("handover_pending")
        row = Handover.objects.create(
            control_room=where, subsystem=subsystem, holder=lock.operator, asker=operator, note=note, created_at=now, expires_at=now + HANDOVER_FOR
        )
        _record(verbs.HANDOVER_ASKED, actor, row)
        room.changed(where, "handover.asked", {"handover": shapes.handover(row)}, room.by(actor, operator))
        return row


@transaction.atomic
def give(*, actor: Actor, operator: ConsoleOperator, handover: Handover) -> Handover:
    """The holder yields: the lock moves in one UPDATE. ApiError lock_not_owned, handover_closed (nobody asks any more, or the holder was silent for
    so long that nothing is theirs to give)."""
    where, row = _open(handover)
    _demand_holder(row, operator)
    now = clock.now()
    if not is_present(row.holder.last_seen, now):
        raise ApiError("handover_closed")
    moved = SubsystemLock.objects.filter(control_room=where, subsystem=row.subsystem, operator=operator).update(
        operator=row.asker, acquired_at=now, reason=None
    )
    if not moved or row.asker.deleted_at is not None or not is_present(row.asker.last_seen, now):
        raise ApiError("handover_closed")
    lock = locks.held().get(control_room=where, subsystem=row.subsystem)
    _close(where, row, HandoverOutcome.YIELDED, room.by(actor, operator), lock)
    _record(verbs.HANDOVER_CLOSED, actor, row)
    return row


@transaction.atomic
def refuse(*, actor: Actor, operator: ConsoleOperator, handover: Handover) -> Handover:
    """The holder keeps it. ApiError lock_not_owned, handover_closed."""
    where, row = _open(handover)
    _demand_holder(row, operator)
    _close(where, row, HandoverOutcome.REFUSED, room.by(actor, operator))
    _record(verbs.HANDOVER_CLOSED, actor, row)
    return row


@transaction.atomic
def withdraw(*, actor: Actor, handover: Handover) -> None:
    """By who asked, or a director. ApiError not_self_or_director, handover_closed."""
    me = operator_of(actor)
    if handover.asker_id != me.pk and me.role != ProductionRole.DIRECTOR:
        raise ApiError("not_self_or_director", data={"permission": Perm.CONTROL_ROOM_DIRECT.value})
    where, row = _open(handover)
    _close(where, row, HandoverOutcome.WITHDRAWN, room.by(actor, me))
    _record(verbs.HANDOVER_CLOSED, actor, row)


def _open(handover: Handover) -> tuple[ControlRoom, Handover]:
    where = room.locked()
    row = every().get(pk=handover.pk)
    if row.outcome or row.expires_at <= clock.now():
        raise ApiError("handover_closed")
    return where, row


def _demand_holder(row: Handover, operator: ConsoleOperator) -> None:
    if row.holder_id != operator.pk:
        raise ApiError("lock_not_owned", data={"subsystem": row.subsystem, "holder": shapes.person(row.holder)})


def _close(where: ControlRoom, row: Handover, outcome: HandoverOutcome, who: dict, lock: SubsystemLock | None = None) -> None:
    row.outcome, row.closed_at = outcome, clock.now()
    row.save(update_fields=["outcome", "closed_at"])
    facts = {"id": row.pk, "subsystem": row.subsystem, "outcome": outcome.value, "lock": shapes.lock(lock) if lock else None}
    room.changed(where, "handover.closed", facts, who)


def expire(where: ControlRoom) -> int:
    """Close what nobody answered in time; how many."""
    late = list(every().filter(control_room=where, outcome="", expires_at__lte=clock.now()))
    for row in late:
        _close(where, row, HandoverOutcome.EXPIRED, room.SYSTEM)
    return len(late)


def void_for(where: ControlRoom, subsystem: str, *, who: dict) -> None:
    """The lock was freed: there is nothing left to hand over."""
    for row in every().filter(control_room=where, subsystem=subsystem, outcome=""):
        _close(where, row, HandoverOutcome.VOID, who)


def void_of(where: ControlRoom, operator: ConsoleOperator, *, who: dict) -> None:
    """Who asked is gone."""
    for row in every().filter(control_room=where, asker=operator, outcome=""):
        _close(where, row, HandoverOutcome.VOID, who)


def _record(verb: str, actor: Actor, row: Handover) -> None:
    ports.record(
        verb,
        actor=actor,
        outcome="succeeded",
        subject=("handover", str(row.pk), row.subsystem),
        permission=Perm.CONTROL_ROOM_OPERATE,
        details={"subsystem": row.subsystem, "from": row.holder.public_id, "to": row.asker.public_id, "outcome": row.outcome},
    )
