"""Who is here (04 §1): computed from `last_seen`; the sweep only tells what has become so."""

from django.db import transaction

from config.kernel import clock
from config.kernel.access import Actor
from operators.console import handovers, locks, room, shapes
from operators.console.identity import keeps_standing, operators
from operators.console.models import ConsoleOperator
from operators.console.states import PRESENT_FOR, is_present


def seen(operator: ConsoleOperator, actor: Actor) -> bool:
    """A sign of life; True if it ended a silence, in which case locks left over from before are gone."""
    now = clock.now()
    if is_present(operator.last_seen, now) and operator.gone_since is None:
        ConsoleOperator.objects.filter(pk=operator.pk, deleted_at=None).update(last_seen=now)
        operator.last_seen = now
        return False
    with transaction.atomic():
        row = ConsoleOperator.objects.select_for_update(no_key=True, of=("self",)).get(pk=operator.pk)
        revived = not is_present(row.last_seen, now) or row.gone_since is not None
        if revived and row.deleted_at is None:
            where = room.locked()
            locks.free_all(where, row, cause="stale", who=room.SYSTEM)
            told = row.gone_since is not None
            row.last_seen, row.gone_since = now, None
            row.save(update_fields=["last_seen", "gone_since", "updated_at"])
            if told:
                room.changed(where, "operator.connected", {"operator": shapes.operator(row)}, room.by(actor, row))
        operator.last_seen, operator.gone_since = now, None
    return revived


def sweep() -> dict[str, int]:
    """Tell of those who fell silent and free what they held; end asks without an answer; take locks from who lost their role's permission."""
    now = clock.now()
    silent = list(operators().filter(gone_since=None, last_seen__lte=now - PRESENT_FOR).order_by("pk"))
    counts = {"gone": sum(_gone(operator.pk, now) for operator in silent), "expired": 0, "lost": 0}
    for lock in locks.held():
        if not keeps_standing(None, lock.operator):
            counts["lost"] += _lost(lock.operator)
    if handovers.every().filter(outcome="", expires_at__lte=now).exists():
        with transaction.atomic():
            counts["expired"] = handovers.expire(room.locked())
    return counts


@transaction.atomic
def _gone(pk, now) -> bool:
    """Once, though two sweeps run: the row is held and looked at again."""
    row = ConsoleOperator.objects.select_for_update(no_key=True, of=("self",)).filter(pk=pk, deleted_at=None, gone_since=None).first()
    if row is None or is_present(row.last_seen, now):
        return False
    where = room.locked()
    row.gone_since = now
    row.save(update_fields=["gone_since", "updated_at"])
    locks.free_all(where, row, cause="stale", who=room.SYSTEM)
    handovers.void_of(where, row, who=room.SYSTEM)
    room.changed(where, "operator.disconnected", {"operator": shapes.operator(row)}, room.SYSTEM)
    return True


@transaction.atomic
def _lost(operator: ConsoleOperator) -> int:
    return len(locks.free_all(room.locked(), operator, cause="permission_lost", who=room.SYSTEM))
