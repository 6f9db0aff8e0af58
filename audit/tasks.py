"""Sealing, verifying, and making room ahead; and the small task behind every 404."""

from datetime import date, timedelta

from django.apps import apps
from django.db import DatabaseError, transaction

from audit import archive as archiving
from audit import gauges, holds, months, refusals, sealing, services, verification
from audit.models import Outcome
from audit.signals import audit_archive_failed, audit_archived, audit_broken, audit_sound
from audit.verbs import MONTH_ARCHIVED, VERIFIED
from config.kernel import clock
from config.kernel.access import system
from config.kernel.tasks import periodic, queued

MONTHS_AHEAD = 3


@periodic("audit.seal", every=60)
def seal() -> dict:
    """Chain and sign what has committed; close the folded floods of refusals first, so that their rows are sealed too."""
    closed, sealed = refusals.close_folds(), sealing.seal()
    gauges.sealed_to_the_end()
    return {"closed": closed, "sealed": sealed}


@periodic("audit.partitions", every=24 * 3600)
def partitions() -> dict:
    """Partitions of this month and the three to come."""
    month = months.month_of(clock.now())
    for step in range(MONTHS_AHEAD + 1):
        services.ensure_month(months.month_start(months.next_month(month, step)))
    return {}


@periodic("audit.verify", every=24 * 3600)
def verify() -> dict:
    """Verify this month and one older, in turn; record what was found, and tell whoever listens to `audit_broken`."""
    found = 0
    for month in _due(verification.months_recorded(), clock.now()):
        report = verification.verify_month(month, anchors=verification.default_anchors())
        found += len(report.findings)
        with transaction.atomic():
            services.record(
                VERIFIED,
                actor=system("audit.verify"),
                outcome=Outcome.FAILED if report.findings else Outcome.SUCCEEDED,
                details={"month": f"{month:%Y-%m}", "rows": report.rows, "findings": report.findings},
            )
        if report.findings:
            audit_broken.send(sender=verify, month=month, findings=report.findings)
        else:
            audit_sound.send(sender=verify, month=month)
    return {"findings": found}


def _due(recorded: list[date], now) -> list[date]:
    """This month, and another one each day until all have had their turn."""
    current = months.month_of(now)
    older = [month for month in recorded if month < current]
    day = (now.date() - date(1970, 1, 1)) // timedelta(days=1)
    return [current, *older[day % len(older) :][:1]] if older else [current]


# Monthly work is asked for each day: what a stopped beat left out comes the day after, and a month that is done is not due again.
@periodic("audit.archive", every=24 * 3600)
def archive() -> dict:
    """Archive the months that have been kept long enough. The first that fails is recorded and told, and ends the run; one under a hold is passed over."""
    done = 0
    for month in [month for month in archiving.due() if not holds.in_force(month)]:
        try:
            archiving.archive(month, actor=system("audit.archive"))
        except (archiving.ArchiveFailed, verification.CannotCheck, DatabaseError, OSError) as problem:
            details = {"month": f"{month:%Y-%m}", "problem": str(problem)}
            services.record(MONTH_ARCHIVED, actor=system("audit.archive"), outcome=Outcome.FAILED, reason=type(problem).__name__, details=details)
            audit_archive_failed.send(sender=archive, month=month, reason=str(problem))
            break
        audit_archived.send(sender=archive, month=month)
        done += 1
    return {"archived": done}


@queued("audit.look_behind")
def look_behind(model: str, pk: str, row: str) -> None:
    """Behind a 404: write the refusal if the object exists after all."""
    refusals.record_hidden(apps.get_model(model), pk, row)
