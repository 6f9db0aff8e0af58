"""`healthStatus` of a recording: what its open events say, and unknown while nobody listened (08 §4)."""

from django.db import transaction

from nodes.health.models import HealthEvent
from nodes.health.states import COLOURING, Severity
from recordings import live
from recordings.library import status
from recordings.library.models import Recording
from recordings.library.states import HealthStatus

COVERED = 0.95


def judged(recording: Recording) -> HealthStatus:
    """Critical, warning or healthy by open and acknowledged events; unknown while the watchdog heard too little and nothing fires."""
    rows = HealthEvent.objects.filter(recording_id=recording.pk, status__in=COLOURING)
    worst = rows.order_by("-severity_rank").values_list("severity_rank", flat=True).first()
    if worst is not None and worst >= Severity.WARNING.rank:
        return HealthStatus.CRITICAL if worst >= Severity.CRITICAL.rank else HealthStatus.WARNING
    return HealthStatus.HEALTHY if (recording.watchdog_coverage or 0) >= COVERED else HealthStatus.UNKNOWN


def on_change(sender, *, event, **_kwargs) -> None:
    """Recompute after the commit that changed an event of a recording: an event never waits for the recording's row."""
    if event.recording_id is not None:
        recording_id = event.recording_id
        transaction.on_commit(lambda: recompute(recording_id), robust=True)


def recompute(recording_id) -> None:
    with transaction.atomic():
        recording = Recording.objects.select_for_update(of=("self",)).select_related("primary_file").filter(pk=recording_id).first()
        if recording is None:
            return
        now = judged(recording)
        if now != recording.health_status:
            status.change(recording, health_status=now)
            live.changed(recording)
