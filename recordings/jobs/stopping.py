"""Stop: a queued job is cancelled at once, a running one is asked to end by its node or its media server; what was captured is always kept."""

from datetime import timedelta

from audit.services import gathered
from config.kernel import clock
from config.kernel.access import Actor, Perm
from config.kernel.errors import ApiError
from nodes.fleet import hints
from recordings import live, trail, verbs
from recordings.jobs import locking, transitions
from recordings.jobs.models import Job
from recordings.jobs.states import Executor, JobStatus
from recordings.library import status
from recordings.library.models import Recording
from recordings.locks import patient
from sessions.media import takes

MODE = "keep"
REPEAT = timedelta(seconds=60)


def job_of(recording: Recording) -> Job | None:
    """The newest job that captures this recording: of a track, the job that it shares with the others."""
    group = recording.track_group_id
    rows = Job.objects.filter(recording__track_group_id=group) if group else Job.objects.filter(recording_id=recording.pk)
    return rows.select_related("recording", "node").order_by("-attempt").first()


def refusal(job: Job | None, code: str = "recording_not_active") -> str | None:
    """Why this job can't be stopped now, or None. A repeated stop is answered like the first: the job still stops, or has
    just done so."""
    if job is None:
        return code
    if job.status in {JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.STOP_REQUESTED}:
        return None
    # A session's file is in the library seconds after its stop.
    settled = {JobStatus.CANCELLED} | ({JobStatus.COMPLETED} if job.executor == Executor.MEDIA else set())
    just_stopped = job.status in settled and job.stop_requested_at and clock.now() - job.stop_requested_at < REPEAT
    return None if just_stopped else code


def stop(*, actor: Actor, recording: Recording, reason: str = "") -> tuple[Recording, Job]:
    """Ask for the end of a recording. ApiError recording_not_active."""
    with patient():
        newest = job_of(recording)
        if newest is None:
            raise ApiError("recording_not_active")
        job = stop_locked(actor=actor, job=locking.job(newest.pk), reason=reason)
    recording.refresh_from_db()
    return recording, job


def stop_locked(*, actor: Actor, job: Job, reason: str, code: str = "recording_not_active") -> Job:
    """Stop a job whose row is locked; once stopped, again is the same."""
    if refused := refusal(job, code):
        raise ApiError(refused)
    now = clock.now()
    before = trail.snapshot(job)
    intent = {"stop_requested_at": now, "stop_at": now, "stop_by": actor.label, "stop_mode": MODE, "stop_reason": reason}
    if transitions.move(job, "cancel", **intent):
        status.move(job.recording, "stopped", ended_at=now)
    elif not transitions.move(job, "stop", **intent):
        return job
    if job.executor == Executor.MEDIA:
        takes.end(session_id=job.session_id, recording_id=job.recording_id)
    else:
        hints.changed(job.node_id)
    trail.of_job(
        verbs.RECORDING_STOPPED, job, actor=actor, permission=Perm.RECORDING_CONTROL, before=before, after=trail.snapshot(job), reason=reason or None
    )
    live.changed(job.recording)
    live.job_changed(job)
    return job


def bulk_stop(*, actor: Actor, jobs: list[Job], reason: str) -> None:
    """Stop all of these or none. ApiError job_not_active with the first failure and all of them in data."""
    failures = [{"id": str(job.pk), "code": code} for job in jobs if (code := refusal(job, "job_not_active"))]
    if failures:
        raise ApiError("job_not_active", data={"failures": failures})
    with patient(), gathered():
        for job in sorted(jobs, key=lambda row: row.pk):
            stop_locked(actor=actor, job=locking.job(job.pk), reason=reason, code="job_not_active")
