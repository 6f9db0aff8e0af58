"""Who may see which recordings, and what lies around one."""

from config.kernel.access import Actor, Perm, holds, ports
from nodes.health.models import HealthEvent
from recordings.jobs.models import Job
from recordings.jobs.serializers import JobSerializer
from recordings.library.models import Recording
from recordings.library.serializers import FileDetailSerializer, RecordingSerializer
from recordings.retention import disposal
from recordings.retention.models import Disposal
from recordings.retention.states import policy_blockers

NEWEST = 100


def recordings():
    """Every recording with the file that its shape shows."""
    return Recording.objects.select_related("primary_file", "node")


def context(recording: Recording, actor: Actor, now) -> dict:
    """Everything around a recording, ≤ 100 newest each; a part without permission is null and named in `omitted`."""
    facts = disposal.facts(recording)
    blockers = policy_blockers(facts, now)
    parts = {
        "recording": RecordingSerializer.show(recording),
        "tracks": _tracks(recording, actor),
        "jobs": JobSerializer(Job.objects.filter(recording=recording).order_by("-created_at")[:NEWEST], many=True).data,
        "files": FileDetailSerializer(recording.files.order_by("-stored_at")[:NEWEST], many=True).data,
        "healthEvents": _health(recording, actor),
        "uploadQueueItems": [],
        "holds": [],
        "disposals": [_disposal(row) for row in Disposal.objects.filter(recording_id=recording.pk).order_by("-created_at")[:NEWEST]],
        "clips": _clips(recording),
        "occurrence": None,
        "retention": {"eligible": not blockers, "blockers": blockers},
    }
    return {**parts, "omitted": [name for name in ("healthEvents",) if parts[name] is None]}


def _tracks(recording: Recording, actor: Actor) -> list:
    if recording.track_group_id is None:
        return []
    rows = recordings().filter(track_group_id=recording.track_group_id, deleted_at=None).order_by("track_index")
    return RecordingSerializer(ports.scoped(rows, actor, Perm.RECORDING_READ)[:NEWEST], many=True).data


def _health(recording: Recording, actor: Actor) -> list | None:
    if not holds(actor, Perm.HEALTH_READ):
        return None
    rows = ports.scoped(HealthEvent.objects.filter(recording_id=recording.pk), actor, Perm.HEALTH_READ)
    return [
        {
            "id": str(event.pk),
            "type": event.type,
            "severity": event.severity,
            "status": event.status,
            "condition": event.condition,
            "message": event.message,
            "openedAt": event.opened_at,
            "resolvedAt": event.resolved_at,
        }
        for event in rows.order_by("-opened_at")[:NEWEST]
    ]


def _clips(recording: Recording) -> list:
    from recordings.replay import clips
    from recordings.replay.serializers import ClipShape

    return ClipShape(clips.of_recording(recording.pk)[:NEWEST], many=True).data


def _disposal(row: Disposal) -> dict:
    return {
        "id": str(row.pk),
        "state": row.state,
        "cause": row.cause,
        "fileId": row.file_id,
        "size": row.size,
        "sha256": row.sha256 or None,
        "actor": row.actor_label,
        "reason": row.reason,
        "createdAt": row.created_at,
        "unlinkAfter": row.unlink_after,
        "endedAt": row.ended_at,
    }
