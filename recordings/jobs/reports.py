"""What the node reports of a job: progress, gaps, closed tracks. It renews the lease and never ends anything."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from django.db import transaction

from config.kernel import clock
from config.kernel.access import Actor, Perm
from config.kernel.errors import ApiError
from recordings import live, metrics, trail, verbs, worries
from recordings.jobs import leases, locking, transitions
from recordings.jobs.models import Job
from recordings.jobs.states import ACTIVE, LIVE, RETURNABLE, JobStatus, LeaseState, Phase, capture_is_over
from recordings.library import status, tracks
from recordings.locks import patient

_COUNTED = ("bytes_written", "frames_captured", "xruns", "segments", "upload_offset", "free_disk_bytes", "gaps")


@dataclass(frozen=True)
class Report:
    """A job heartbeat (06 §7). `results` and `gaps` are as they are stored and shown: under the names of the wire. None: not said, so unchanged."""

    claim_epoch: int
    agent_instance_id: str
    phase: str
    bytes_written: int | None = None
    frames_captured: int | None = None
    xruns: int | None = None
    segments: int | None = None
    upload_offset: int | None = None
    free_disk_bytes: int | None = None
    gaps: list[dict] | None = None
    results: list[dict] = field(default_factory=list)


def check_epoch(job: Job, epoch: int) -> None:
    """ApiError claim_superseded unless the caller holds the newest claim."""
    if epoch != job.claim_epoch or job.claim_id is None:
        raise ApiError("claim_superseded", data={"claim_epoch": job.claim_epoch})


def heartbeat(*, actor: Actor, node_id, job_id, report: Report) -> Job:
    """Take in a report. ApiError not_found, claim_superseded, job_terminal {status}."""
    with patient():
        job = locking.job(job_id, node_id=node_id)
        check_epoch(job, report.claim_epoch)
        returned = job.status not in LIVE and _return(actor, job)
        if job.status not in LIVE:
            raise ApiError("job_terminal", data={"status": job.status})
        was = (job.phase, job.lease_state, job.gaps, job.results)
        if job.lease_state == LeaseState.LAPSED or returned:
            worries.over("job.lease_lapsed", job.recording)
        _write(job, report)
        news = _follow(job, report)
        if news or returned or was != (job.phase, job.lease_state, job.gaps, job.results):
            live.changed(job.recording)
            live.job_changed(job)
    return job


def _return(actor: Actor, job: Job) -> bool:
    """A job given up for lost or abandoned whose node speaks again runs on, unless its recording was deleted or a newer attempt has taken over."""
    recording = job.recording
    if job.failure_reason not in RETURNABLE or recording.deleted_at is not None or recording.jobs.filter(status__in=ACTIVE).exists():
        return False
    changes = {"failure_reason": "", "failure_detail": "", "ended_at": None}
    if job.stop_requested_at:
        changes["status"] = JobStatus.STOP_REQUESTED
    if not transitions.move(job, "returned", **changes):
        return False
    status.move(recording, "returned", ended_at=None)
    worries.over("job.node_lost", recording)
    trail.of_job(verbs.JOB_RETURNED, job, actor=actor, permission=Perm.RECORDING_CONTROL)
    return True


def _write(job: Job, report: Report) -> None:
    results = {**job.results, **{str(result["trackIndex"]): result for result in report.results}}
    said = {name: value for name in _COUNTED if (value := getattr(report, name)) is not None}
    captured = partial(metrics.captured, job.node_id, **_grown(job, said))
    transitions.change(job, phase=report.phase, agent_instance_id=report.agent_instance_id, results=results, **said, **leases.renewed())
    transaction.on_commit(captured)


def _grown(job: Job, said: dict) -> dict:
    """What the node captured, lost and missed since its report before."""
    missing = sum(gap["lengthSeconds"] for gap in said.get("gaps", job.gaps)) - sum(gap["lengthSeconds"] for gap in job.gaps)
    return {
        "capture_bytes": said.get("bytes_written", job.bytes_written) - job.bytes_written,
        "capture_gap_seconds": missing,
        "xruns": said.get("xruns", job.xruns) - job.xruns,
    }


def _follow(job: Job, report: Report) -> bool:
    """Bring recordings in line with what the job says; True if one changed."""
    recording = job.recording
    news = False
    if recording.recorded_at is None and report.phase != Phase.CLAIMED:
        began = tracks.presumed_start(job, recording)
        status.change(recording, recorded_at=began, sort_at=began)
        news = True
    for result in report.results:
        track = tracks.ensure(job, result["trackIndex"])
        news |= tracks.apply_result(track, job, result)
    if capture_is_over(report.phase):
        transitions.free_slot(job, clock.now())
        news |= status.move(recording, "capture_ended", ended_at=recording.ended_at or _ended(job))
    if job.gaps != recording.gaps and not job.command.get("output", {}).get("maxTrackSeconds"):
        status.change(recording, gaps=job.gaps)
        news = True
    if news:
        recording.refresh_from_db()
    return news


def _ended(job: Job) -> datetime:
    ends = [at for at in (job.stop_at, job.capture_end_at, clock.now()) if at is not None]
    return min(ends)
