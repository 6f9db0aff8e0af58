"""Reconcilers of jobs: leases, windows, lost nodes, files that were renamed but not yet recorded."""

from collections.abc import Callable
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from config.kernel import broker
from config.kernel.access import system
from config.kernel.errors import ApiError
from config.kernel.tasks import periodic
from recordings import live, metrics, worries
from recordings.jobs import ending, locking, transitions
from recordings.jobs.models import Job
from recordings.jobs.states import LIVE, FailureReason, JobStatus, LeaseState
from recordings.library.models import Recording
from recordings.library.states import RecordingStatus, Source
from recordings.locks import db_now, patient
from recordings.uploads import storing

log = structlog.get_logger("jobs")
BATCH = 200
_LAST_SWEEP = broker.PREFIX + "lease-sweep"
_BOOT_AFTER_SECONDS = 30
_CRITICAL_AFTER = timedelta(minutes=5)
_LONG_RUNNING = timedelta(hours=12)


def each(rows: QuerySet, act: Callable[[Job], bool]) -> int:
    """`act` on each row in a transaction of its own; a row that fails is logged and holds up no other. The number acted on."""
    done = 0
    for pk in list(rows.values_list("pk", flat=True)[:BATCH]):
        try:
            with patient():
                done += bool(act(locking.job(pk)))
        except (ApiError, DatabaseError) as error:
            log.warning("job_set_aside", job=str(pk), error=str(error).splitlines()[0])
    return done


@periodic("jobs.lease_sweep", every=10)
def lease_sweep() -> dict:
    """Leases that ran out are worries. After an outage of the control plane every held lease gets 60 s first: the silence was ours."""
    metrics.take_snapshot()
    now = db_now()
    if _was_away(now):
        renewed = Job.objects.filter(status__in=LIVE, lease_state=LeaseState.HELD).update(
            lease_until=now + timedelta(seconds=settings.JOB_LEASE_SECONDS)
        )
        return {"renewed": renewed}
    lapsed = each(Job.objects.filter(status__in=LIVE, lease_state=LeaseState.HELD, lease_until__lt=now), _lapse)
    worse = Job.objects.filter(status__in=LIVE, lease_state=LeaseState.LAPSED, lapsed_at__lt=now - _CRITICAL_AFTER)
    return {"lapsed": lapsed, "critical": each(worse, _lapse_is_critical)}


def _was_away(now) -> bool:
    """Whether the last pass is longer ago than any healthy beat; remembers this one."""
    last = broker.attempt(lambda valkey: valkey.getset(_LAST_SWEEP, now.timestamp()))
    return last is None or now.timestamp() - float(last) > _BOOT_AFTER_SECONDS


def _lapse(job: Job) -> bool:
    now = db_now()
    if job.status not in LIVE or job.lease_state != LeaseState.HELD or job.lease_until >= now:
        return False
    transitions.change(job, lease_state=LeaseState.LAPSED, lapsed_at=now)
    text = f"{job.recording.name}: no word from its node for a minute. The capture goes on there and is taken in when it returns."
    worries.about_recording("job.lease_lapsed", worries.WARNING, text, job.recording, jobId=str(job.pk))
    live.job_changed(job)
    return True


def _lapse_is_critical(job: Job) -> bool:
    if job.lease_state != LeaseState.LAPSED:
        return False
    text = f"{job.recording.name}: no word from its node for more than five minutes."
    worries.about_recording("job.lease_lapsed", worries.CRITICAL, text, job.recording, jobId=str(job.pk))
    return True


@periodic("jobs.reconcile", every=30)
def reconcile() -> dict:
    """What only time can tell: windows that passed, jobs that nobody took, nodes that are lost, captures that run for very long."""
    now = db_now()
    queued = Job.objects.filter(status=JobStatus.QUEUED)
    ad_hoc = Q(recording__source=Source.AD_HOC)
    # The window of an ad-hoc job moves with its first claim, and from then on it stands.
    missed = queued.filter(~ad_hoc | Q(claim_epoch__gt=0), capture_end_at__lte=now)
    # Nothing changes a job in the queue, so its last change is when it got there, the first time or back from a node that lost it.
    unclaimed = queued.filter(ad_hoc, updated_at__lt=now - timedelta(seconds=settings.JOB_NOT_CLAIMED_SECONDS))
    last_sign = Coalesce("capture_end_at", "heartbeat_at", "claimed_at")
    lost = (
        Job.objects.filter(status__in=LIVE)
        .annotate(last_sign=last_sign)
        .filter(last_sign__lt=now - timedelta(seconds=settings.JOB_NODE_LOST_SECONDS))
    )
    _remind_of_long_ones(now)
    return {
        "window_missed": each(missed, lambda job: _fail(job, "window_missed", FailureReason.WINDOW_MISSED)),
        "not_claimed": each(unclaimed, lambda job: _fail(job, "not_claimed", FailureReason.NOT_CLAIMED)),
        "node_lost": each(lost.filter(lease_state=LeaseState.LAPSED), lambda job: _fail(job, "lost", FailureReason.NODE_LOST)),
    }


def _fail(job: Job, event: str, reason: FailureReason) -> bool:
    return ending.fail(job, event, reason, actor=system("jobs.reconcile"))


def _remind_of_long_ones(now) -> None:
    """Recordings without a planned end that run for more than 12 h: there is no hidden cap, only a reminder."""
    by_hand = [Source.AD_HOC, Source.SESSION]
    rows = Recording.objects.filter(status=RecordingStatus.RECORDING, planned_end_at=None, recorded_at__lt=now - _LONG_RUNNING, source__in=by_hand)
    for recording in rows[:BATCH]:
        with patient():
            worries.about_recording(
                "recording.long_running", worries.WARNING, f"{recording.name} has been recording for more than 12 hours.", recording
            )


@periodic("jobs.finish_uploads", every=60, queue="storage")
def finish_uploads() -> dict:
    """Adopt files whose rename succeeded and whose transaction did not; keep what nobody claims in quarantine."""
    return storing.finish_pending()
