"""Audit rows of recordings and jobs, in the transaction that did the thing."""

from config.kernel.access import Actor, Perm, ports
from recordings.jobs.models import Job
from recordings.library.models import Recording


def above_recording(recording) -> list[str] | None:
    """What the audit keeps as the ancestors of a node's recording, from rows that are loaded; None: the audit must ask the database."""
    if recording.schedule_id or recording.session_id or recording.node_id is None or not Recording.node.is_cached(recording):
        return None
    return [f"node:{recording.node_id}", f"site:{recording.node.site_id}"]


def above_job(job) -> list[str] | None:
    """The same for a job of such a recording, on the recording's node."""
    recording = job.recording
    if recording.schedule_id or recording.session_id or job.node_id is None or job.node_id != recording.node_id or not Job.node.is_cached(job):
        return None
    return [f"recording:{recording.pk}", f"node:{job.node_id}", f"site:{job.node.site_id}"]


def of_recording(verb: str, recording, *, actor: Actor, permission: Perm, outcome: str = "succeeded", job_id=None, **facts) -> None:
    """One row about a recording; `facts` are those of `audit.services.record`."""
    correlation = {"recording_id": recording.pk, "job_id": job_id, "schedule_id": recording.schedule_id, "session_id": recording.session_id}
    facts.setdefault("scope", above_recording(recording))
    ports.record(
        verb,
        actor=actor,
        outcome=outcome,
        subject=("recording", recording.pk, recording.name),
        permission=permission,
        correlation=correlation,
        **facts,
    )


def of_job(verb: str, job, *, actor: Actor, permission: Perm, outcome: str = "succeeded", **facts) -> None:
    """One row about a job, labelled by its recording and attempt."""
    label = f"{job.recording.name} #{job.attempt}"
    correlation = {"recording_id": job.recording_id, "job_id": job.pk}
    facts.setdefault("scope", above_job(job))
    ports.record(verb, actor=actor, outcome=outcome, subject=("job", job.pk, label), permission=permission, correlation=correlation, **facts)


def snapshot(row) -> dict:
    """The audited fields of a row, for `before` and `after`."""
    return {name: getattr(row, name) for name in row.AUDIT_FIELDS}
