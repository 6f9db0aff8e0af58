"""What `GET /status` says of recordings and uploads, in the reader's scope."""

from django.db.models import Count, Q

from config.kernel.access import Actor, Perm, ports
from recordings.jobs.models import Job
from recordings.jobs.states import ACTIVE, CAPTURE_OPEN, JobStatus, LeaseState


def recordings_section(actor: Actor) -> dict:
    """{queued, recording, stopping, uploading, lapsed}: jobs under way."""
    capturing = Q(phase__in=CAPTURE_OPEN) | Q(phase="")
    rows = ports.scoped(Job.objects.filter(status__in=ACTIVE), actor, Perm.RECORDING_READ)
    return rows.aggregate(
        queued=Count("pk", filter=Q(status=JobStatus.QUEUED)),
        recording=Count("pk", filter=Q(status=JobStatus.RUNNING) & capturing),
        stopping=Count("pk", filter=Q(status=JobStatus.STOP_REQUESTED) & capturing),
        uploading=Count("pk", filter=~Q(status=JobStatus.QUEUED) & ~capturing),
        lapsed=Count("pk", filter=Q(lease_state=LeaseState.LAPSED)),
    )


def uploads_section(actor: Actor) -> dict:
    """{queued, failed, oldestDueSeconds}: copies to destinations; there are none before a destination is set up."""
    return {"queued": 0, "failed": 0, "oldest_due_seconds": None}
