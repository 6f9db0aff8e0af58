"""Try again: a new job with the same command and a fresh window. Earlier attempts and their files stay as they are."""

from datetime import datetime

from audit.services import gathered
from config.kernel import clock
from config.kernel.access import Actor, Perm
from config.kernel.errors import ApiError
from nodes.fleet import hints
from recordings import live, trail, verbs
from recordings.jobs import demands, locking, starting
from recordings.jobs.models import Job
from recordings.jobs.states import ACTIVE, MAX_ATTEMPTS, JobStatus
from recordings.library import status
from recordings.library.models import Recording
from recordings.library.states import Source
from recordings.locks import patient


def refusal(job: Job, *, ask_node: bool = True) -> ApiError | None:
    """Why this job can't be tried again now, or None; without `ask_node` only what the job itself says."""
    newest = job.recording.jobs.order_by("-attempt").first()
    if newest.status in ACTIVE:
        return ApiError("active_job_exists", data={"job_id": str(newest.pk)})
    if newest.pk != job.pk or job.status not in {JobStatus.FAILED, JobStatus.CANCELLED} or job.recording.status not in {"failed", "cancelled"}:
        return ApiError("job_not_retryable")
    if job.attempt >= MAX_ATTEMPTS:
        return ApiError("attempts_exhausted")
    if job.recording.deleted_at is not None or job.node is None:
        return ApiError("job_not_retryable")
    if job.recording.source != Source.AD_HOC and job.capture_end_at and job.capture_end_at <= clock.now():
        return ApiError("window_passed")
    return (demands.node_refusal(job.node) or demands.storage_refusal()) if ask_node else None


def window(job: Job, now: datetime) -> tuple[datetime, datetime | None]:
    """Ad hoc: the same length from now. Scheduled: what remains."""
    if job.recording.source == Source.AD_HOC:
        length = job.capture_end_at - job.capture_start_at if job.capture_end_at else None
        return now, now + length if length else None
    return max(now, job.capture_start_at), job.capture_end_at


def retry(*, actor: Actor, job: Job) -> tuple[Recording, Job]:
    """Queue the next attempt. ApiError job_not_retryable, active_job_exists, window_passed, attempts_exhausted, start's."""
    with patient():
        locking.node(job.node_id)
        made = _retry_locked(actor, locking.job(job.pk))
    return made.recording, made


def bulk_retry(*, actor: Actor, jobs: list[Job]) -> list[Job]:
    """Queue the next attempt of all of these or of none."""
    with patient():
        for node_id in sorted({job.node_id for job in jobs if job.node_id}):
            locking.node(node_id)
        locked = [locking.job(job.pk) for job in sorted(jobs, key=lambda row: row.pk)]
        failures = [(job, error) for job in locked if (error := refusal(job))]
        if failures:
            raise ApiError(failures[0][1].code, data={"failures": [{"id": str(job.pk), "code": error.code} for job, error in failures]})
        # Each new job takes a place of the node, so each is asked again after the ones before it.
        with gathered():
            return [_retry_locked(actor, job) for job in locked]


def _retry_locked(actor: Actor, job: Job) -> Job:
    if error := refusal(job):
        raise error
    recording = job.recording
    start_at, end_at = window(job, clock.now())
    made = starting.queue(recording, node=job.node, order=job.command, start_at=start_at, end_at=end_at, attempt=job.attempt + 1)
    if not status.move(recording, "retried", planned_start_at=start_at, planned_end_at=end_at, ended_at=None):
        raise ApiError("job_not_retryable")
    made.recording = recording
    trail.of_job(verbs.JOB_RETRIED, made, actor=actor, permission=Perm.RECORDING_CONTROL, details={"retry_of": str(job.pk)})
    live.changed(recording)
    live.job_changed(made)
    hints.changed(made.node_id)
    return made
