"""What the fleet asks of recordings, filled into `nodes.fleet.ports` at start."""

from collections import defaultdict
from datetime import timedelta
from uuid import UUID

from django.db.models import Q

from config.kernel.access import Actor, Perm
from config.kernel.actions import Action
from config.kernel.errors import ApiError
from nodes.fleet.ports import CaptureState, ClaimHint
from recordings.jobs import starting
from recordings.jobs.models import Job
from recordings.jobs.states import CAPTURE_OPEN, LIVE, JobStatus
from recordings.library.models import Recording
from recordings.locks import db_now

_SOON = timedelta(minutes=15)


def capture_state(node_ids) -> dict[UUID, CaptureState]:
    """What should happen on these nodes, in one query; nodes without anything are left out."""
    now = db_now()
    soon = Q(status=JobStatus.QUEUED, capture_start_at__lte=now + _SOON)
    rows = Job.objects.filter(Q(status__in=LIVE) | soon, node_id__in=list(node_ids)).select_related("recording")
    by_node = defaultdict(list)
    for job in rows.only("node_id", "status", "phase", "capture_start_at", "stop_requested_at", "recording__interface_id"):
        by_node[job.node_id].append(job)
    return {node_id: _state(jobs, now) for node_id, jobs in by_node.items()}


def _state(jobs: list[Job], now) -> CaptureState:
    held = [job for job in jobs if job.status in LIVE]
    capturing = [job for job in held if job.phase in (*CAPTURE_OPEN, "")]
    waiting = [job.capture_start_at for job in jobs if job.status == JobStatus.QUEUED]
    intent = [job for job in capturing if job.stop_requested_at is None and job.capture_start_at <= now]
    return CaptureState(
        intent=len(intent),
        active_jobs=len(held),
        job_ids=tuple(str(job.pk) for job in held),
        interface_ids=frozenset(job.recording.interface_id for job in capturing if job.recording.interface_id),
        next_start_at=min(waiting, default=None),
    )


def claim_hint(node_id) -> ClaimHint:
    """Whether a job is due, and which running ones have a stop that the node has not carried out yet."""
    due = Q(status=JobStatus.QUEUED, not_before__lte=db_now())
    stopping = Q(status=JobStatus.STOP_REQUESTED, phase__in=CAPTURE_OPEN)
    rows = list(Job.objects.filter(due | stopping, node_id=node_id).values_list("pk", "status")[:200])
    return ClaimHint(
        claim=any(status == JobStatus.QUEUED for _, status in rows),
        jobs=tuple(str(pk) for pk, status in rows if status == JobStatus.STOP_REQUESTED),
    )


def recorder_cache_policies(node_id) -> list[dict]:
    """Until retention policies name recorders, a node frees its copy once the controller has it verified."""
    return []


def subject_belongs(node_id, recording_id, schedule_id) -> bool:
    """Whether these are of this node; either may be None."""
    if schedule_id is not None and not Recording.objects.filter(schedule_id=schedule_id, node_id=node_id).exists():
        return False
    return recording_id is None or Recording.objects.filter(pk=recording_id, node_id=node_id).exists()


def extra_actions(node, actor: Actor) -> dict[str, Action]:
    """`startRecording`: refused for the same reasons as POST /recordings with nothing but the node."""
    code = data = None
    try:
        starting.planned(node, profile=starting.default_profile())
    except ApiError as refusal:
        code, data = refusal.code, refusal.data
    return {"startRecording": Action("POST", Perm.RECORDING_CREATE, "/api/v1/recordings", code=code, data=data)}
