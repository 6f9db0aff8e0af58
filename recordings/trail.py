"""Audit rows of recordings and jobs, in the transaction that did the thing."""

from config.kernel.access import Actor, Perm, ports


def of_recording(verb: str, recording, *, actor: Actor, permission: Perm, outcome: str = "succeeded", job_id=None, **facts) -> None:
    """One row about a recording; `facts` are those of `audit.services.record`."""
    correlation = {"recording_id": recording.pk, "job_id": job_id, "schedule_id": recording.schedule_id, "session_id": recording.session_id}
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
    ports.record(verb, actor=actor, outcome=outcome, subject=("job", job.pk, label), permission=permission, correlation=correlation, **facts)


def snapshot(row) -> dict:
    """The audited fields of a row, for `before` and `after`."""
    return {name: getattr(row, name) for name in row.AUDIT_FIELDS}
