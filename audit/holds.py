"""Holds on months: while one is in force, the month stays in the database."""

from datetime import date

from django.db import IntegrityError, transaction

from audit import services
from audit.models import AuditHold, Outcome
from audit.verbs import HOLD_PLACED, HOLD_RELEASED
from config.kernel import clock
from config.kernel.access import Actor, Perm, require
from config.kernel.errors import ApiError


def in_force(month: date) -> bool:
    return AuditHold.objects.filter(month=month, released_at=None).exists()


@transaction.atomic
def place(*, actor: Actor, month: date, reason: str) -> AuditHold:
    """ApiError permission_denied (`system:admin`), hold_exists."""
    require(actor, Perm.SYSTEM_ADMIN)
    try:
        with transaction.atomic():
            hold = AuditHold.objects.create(month=month.replace(day=1), reason=reason, placed_at=clock.now(), placed_by=actor.label)
    except IntegrityError as error:
        raise ApiError("hold_exists", "A hold on this month is already in force.") from error
    _record(HOLD_PLACED, actor, hold)
    return hold


@transaction.atomic
def release(*, actor: Actor, hold: AuditHold) -> None:
    """ApiError permission_denied, hold_released."""
    require(actor, Perm.SYSTEM_ADMIN)
    if not AuditHold.objects.filter(pk=hold.pk, released_at=None).update(released_at=clock.now(), released_by=actor.label):
        raise ApiError("hold_released")
    _record(HOLD_RELEASED, actor, hold)


def _record(verb: str, actor: Actor, hold: AuditHold) -> None:
    details = {"month": f"{hold.month:%Y-%m}", "hold_id": str(hold.pk)}
    services.record(verb, actor=actor, outcome=Outcome.SUCCEEDED, permission=Perm.SYSTEM_ADMIN, reason=hold.reason, details=details)
