"""What a new capture asks of its node and of the disk; the same questions for the write, `/actions` and the button."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q

from config.kernel import clock
from config.kernel.clock import DbNow
from config.kernel.errors import ApiError
from nodes.fleet.models import NodeState
from recordings.jobs.models import Job
from recordings.jobs.states import CAPTURE_OPEN, LIVE, JobStatus
from recordings.library import storage

QUEUE_AHEAD = timedelta(seconds=60)
_GIB = 1024**3


def node_is_offline(node_id) -> bool:
    """Not heard for longer than NODE_OFFLINE_AFTER_SECONDS, or never; by the database's clock."""
    since = DbNow() - timedelta(seconds=settings.NODE_OFFLINE_AFTER_SECONDS)
    return not NodeState.objects.filter(node_id=node_id, last_seen_at__gte=since).exists()


def capturing(node_id):
    """Jobs that hold or are about to take a place in the node's capacity."""
    holding = Q(status__in=LIVE) & (Q(phase__in=CAPTURE_OPEN) | Q(phase=""))
    due = Q(status=JobStatus.QUEUED, not_before__lte=clock.now() + QUEUE_AHEAD)
    return Job.objects.filter(holding | due, node_id=node_id)


def node_refusal(node) -> ApiError | None:
    """Why no capture can start on this node now, or None."""
    if node.retired_at is not None:
        return ApiError("node_retired")
    if node_is_offline(node.pk):
        return ApiError("node_offline")
    active = list(capturing(node.pk).order_by("created_at").values_list("pk", flat=True))
    if len(active) >= node.max_concurrent_recordings:
        data = {"job_id": str(active[0]), "active_job_count": len(active), "max_concurrent_recordings": node.max_concurrent_recordings}
        return ApiError("active_recording_job_exists", data=data)
    return None


def emergency_bytes(total: int) -> int:
    """Below this much free space nothing new is started (07 §8)."""
    return max(2 * _GIB, min(total // 20, 50 * _GIB))


def storage_refusal() -> ApiError | None:
    """storage_full if the media file system is nearly full. A disk that can't be asked refuses no start: nodes buffer."""
    try:
        free, total = storage.free_bytes()
    except OSError:
        return None
    return ApiError("storage_full", headers={"Retry-After": "60"}) if free < emergency_bytes(total) else None
