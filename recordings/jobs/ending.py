"""Ends that are no file: the node captured nothing, the node failed, the job was given up."""

from datetime import timedelta

from config.kernel import clock
from config.kernel.access import Actor, Perm
from config.kernel.errors import ApiError
from nodes.fleet import hints
from recordings import live, trail, verbs, worries
from recordings.jobs import locking, reports, stopping, transitions
from recordings.jobs.models import Job
from recordings.jobs.states import LIVE, FailureReason, JobStatus, LeaseState
from recordings.library import status
from recordings.locks import db_now, patient

ABANDON_AFTER = timedelta(minutes=5)


def nothing_captured(*, actor: Actor, node_id, job_id, epoch: int, note: str = "") -> Job:
    """The node stopped before the first frame. ApiError claim_superseded, job_terminal, job_not_stopping; again is the same."""
    with patient():
        job = locking.job(job_id, node_id=node_id)
        reports.check_epoch(job, epoch)
        if job.status == JobStatus.CANCELLED:
            return job
        if job.status not in LIVE:
            raise ApiError("job_terminal", data={"status": job.status})
        transitions.free_slot(job, clock.now())
        if not transitions.move(job, "nothing_captured", failure_detail=note):
            raise ApiError("job_not_stopping")
        status.move(job.recording, "nothing_captured", ended_at=clock.now())
        worries.over("job.lease_lapsed", job.recording)
        trail.of_job(verbs.JOB_CANCELLED, job, actor=actor, permission=Perm.RECORDING_CONTROL, reason="nothing_captured")
        live.changed(job.recording)
        live.job_changed(job)
    return job


def agent_failed(*, actor: Actor, node_id, job_id, epoch: int, reason: str, detail: str = "") -> Job:
    """The node could not capture or render anything. ApiError claim_superseded, job_terminal; again is the same."""
    with patient():
        job = locking.job(job_id, node_id=node_id)
        reports.check_epoch(job, epoch)
        if job.status == JobStatus.FAILED and job.failure_reason == reason:
            return job
        if job.status not in LIVE:
            raise ApiError("job_terminal", data={"status": job.status})
        fail(job, "agent_failed", FailureReason(reason), actor=actor, detail=detail)
    return job


def fail(job: Job, event: str, reason: FailureReason, *, actor: Actor, detail: str = "") -> bool:
    """Fail a job whose row is locked, tell people, and free its place; False if it is past that."""
    before = trail.snapshot(job)
    transitions.free_slot(job, clock.now())
    if not transitions.move(job, event, failure_reason=reason, failure_detail=detail[:2000]):
        return False
    missed = reason in {FailureReason.WINDOW_MISSED, FailureReason.NOT_CLAIMED}
    status.move(job.recording, "missed" if missed and event != "agent_failed" else "failed", ended_at=clock.now())
    _worry(job, reason)
    facts = {"before": before, "after": trail.snapshot(job), "reason": reason.value}
    trail.of_job(verbs.JOB_FAILED, job, actor=actor, permission=Perm.RECORDING_CONTROL, **facts)
    live.changed(job.recording)
    live.job_changed(job)
    return True


def _worry(job: Job, reason: FailureReason) -> None:
    name = job.recording.name
    kind, text = {
        FailureReason.WINDOW_MISSED: ("job.window_missed", f"{name}: the window passed and nothing was recorded."),
        FailureReason.NOT_CLAIMED: ("job.unclaimed", f"{name}: no node took the job within 5 minutes. Is its recorder agent running?"),
        FailureReason.NODE_LOST: ("job.node_lost", f"{name}: its node has been silent for too long. If it returns, its file is taken in."),
    }.get(reason, ("job.failed", f"{name}: the node could not record ({reason.value.replace('_', ' ')})."))
    if reason is FailureReason.ABANDONED:
        return
    worries.about_recording(kind, worries.CRITICAL, text, job.recording, jobId=str(job.pk), reason=reason.value)
    worries.over("job.lease_lapsed", job.recording)


def abandon_refusal(job: Job) -> str | None:
    """Why this job can't be given up, or None."""
    if job.status not in LIVE:
        return "job_not_active"
    if job.lease_state != LeaseState.LAPSED or job.lapsed_at is None or db_now() - job.lapsed_at < ABANDON_AFTER:
        return "job_lease_held"
    return None


def abandon(*, actor: Actor, job_id, reason: str) -> Job:
    """Give up on a silent node. It is a stop as well: a node that returns gets it, and its file completes the job."""
    with patient():
        job = locking.job(job_id)
        if code := abandon_refusal(job):
            raise ApiError(code)
        now = clock.now()
        if not job.stop_requested_at:
            transitions.change(job, stop_requested_at=now, stop_at=now, stop_by=actor.label, stop_mode=stopping.MODE, stop_reason=reason)
        fail(job, "abandoned", FailureReason.ABANDONED, actor=actor, detail=reason)
        worries.over("job.lease_lapsed", job.recording)
        hints.changed(job.node_id)
    return job
