"""A machine that came back with an empty data folder does not know its job any more: the job goes back to the queue, or is lost."""

from datetime import timedelta

from config.kernel.access import Perm, system
from recordings import live, trail, verbs, worries
from recordings.jobs import ending, locking, transitions
from recordings.jobs.models import Job
from recordings.jobs.states import LIVE, FailureReason, JobStatus, Phase
from recordings.library import status
from recordings.locks import db_now

APART = timedelta(seconds=10)


def on_heartbeat(sender, *, node_id, agent_instance_id: str, active_jobs=None, **_kwargs) -> None:
    """Inside the node's heartbeat: a new agent instance that omits a running job twice, ≥ 10 s apart, has lost it.

    The same instance keeps its jobs on disk and resumes them, so only another instance is suspicious.
    """
    if active_jobs is None:
        return
    listed = {str(job.get("jobId")) for job in active_jobs}
    suspects = Job.objects.filter(node_id=node_id, status__in=LIVE).exclude(agent_instance_id=agent_instance_id)
    for pk, since in list(suspects.values_list("pk", "orphan_since")):
        if str(pk) in listed:
            continue
        now = db_now()
        if since is None:
            Job.objects.filter(pk=pk, orphan_since=None).update(orphan_since=now)
        elif now - since >= APART:
            _orphaned(pk, agent_instance_id)


def _orphaned(pk, agent_instance_id: str) -> None:
    job = locking.job(pk)
    if job.status not in LIVE or job.agent_instance_id == agent_instance_id:
        return
    actor = system("jobs.orphans")
    name = job.recording.name
    text = f"{name}: the machine returned without its job (new installation or lost disk)."
    over = job.capture_end_at is not None and job.capture_end_at <= db_now()
    if job.status == JobStatus.STOP_REQUESTED or over or job.phase not in {Phase.CLAIMED, Phase.CAPTURING}:
        ending.fail(job, "lost", FailureReason.NODE_LOST, actor=actor, detail="The node's data folder is gone.")
        return
    before = trail.snapshot(job)
    if not transitions.move(job, "orphaned", phase="", claim_id=None, agent_instance_id="", span=None):
        return
    status.move(job.recording, "orphaned")
    worries.about_recording("job.orphaned", worries.CRITICAL, text, job.recording, jobId=str(pk))
    trail.of_job(verbs.JOB_REQUEUED, job, actor=actor, permission=Perm.RECORDING_CONTROL, before=before, after=trail.snapshot(job))
    live.changed(job.recording)
    live.job_changed(job)
