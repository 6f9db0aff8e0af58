"""The only writer of `Job.status`: each move is an UPDATE with the states it may leave in its WHERE."""

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import F

from config.kernel import clock
from recordings.jobs.models import Job
from recordings.jobs.states import ACTIVE, MOVES, LeaseState


def move(job: Job, event: str, **changes) -> bool:
    """Move `job` by `event` (jobs.states.MOVES) and set `changes`; False, and nothing written, if it does not apply.

    A job that ends or goes back to the queue gives up slot and lease; `status` may be passed for the one event with two targets
    (a job that returns with a stop standing). The instance follows the row.
    """
    sources, to = MOVES[event]
    changes.setdefault("status", to)
    now = clock.now()
    if changes["status"] not in ACTIVE:
        changes.setdefault("ended_at", now)
    if changes["status"] not in ACTIVE or event == "orphaned":
        changes |= {"slot": None, "lease_state": LeaseState.NONE, "lease_until": None, "lapsed_at": None, "orphan_since": None}
    if not Job.objects.filter(pk=job.pk, status__in=sources).update(revision=F("revision") + 1, updated_at=now, **changes):
        return False
    reload(job)
    return True


def change(job: Job, **changes) -> None:
    """Set columns other than the status."""
    Job.objects.filter(pk=job.pk).update(revision=F("revision") + 1, updated_at=clock.now(), **changes)
    reload(job)


def reload(job: Job) -> None:
    """Read the columns again, keeping the recording that was fetched with it."""
    job.refresh_from_db(fields=[field.attname for field in Job._meta.concrete_fields if field.attname not in {"recording_id", "node_id"}])


def free_slot(job: Job, at) -> None:
    """The capture is over: its place in the capacity ends at `at`."""
    if job.slot is not None and job.captured_at is None:
        start = job.span.lower
        change(job, span=DateTimeTZRange(start, max(at, start)), captured_at=at)
    elif job.captured_at is None and job.claim_epoch:
        change(job, captured_at=at)
