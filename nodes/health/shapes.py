"""The wire shape of a health event, and its history."""

from config.kernel import clock
from config.kernel.access import Actor
from config.kernel.names import FreeForm
from nodes.health.models import HealthEvent

NOTES_LIMIT = 200


def note(event: HealthEvent, actor: Actor, action: str, text: str = "") -> None:
    """Append to the history and save it; the oldest go first."""
    entry = {"at": clock.wire(clock.now()), "by": actor.label, "action": action, "text": text}
    event.notes = [*event.notes, entry][-NOTES_LIMIT:]
    HealthEvent.objects.filter(pk=event.pk).update(notes=event.notes)


def _id(value) -> str | None:
    return str(value) if value else None


def event(row: HealthEvent) -> dict:
    """Every field of 08 §3, snake_case."""
    subject = {"kind": row.subject_kind, "id": row.subject_id, "label": row.subject_label} if row.subject_kind else None
    return {
        "id": str(row.pk),
        "type": row.type,
        "severity": row.severity,
        "status": row.status,
        "condition": row.condition,
        "source": row.source,
        "message": row.message,
        "details": FreeForm(row.details),
        "site_id": _id(row.site_id),
        "node_id": _id(row.node_id),
        "interface_id": _id(row.interface_id),
        "channel_index": row.channel_index,
        "recording_id": _id(row.recording_id),
        "schedule_id": _id(row.schedule_id),
        "subject": subject,
        "fingerprint": row.fingerprint,
        "count": row.count,
        "flap_count": row.flap_count,
        "flapping": row.flapping,
        "inhibited_by": _id(row.inhibited_by_id),
        "late": row.late,
        "opened_at": clock.wire(row.opened_at),
        "last_seen_at": clock.wire(row.last_seen_at),
        "cleared_at": clock.wire(row.cleared_at),
        "acknowledged_at": clock.wire(row.acknowledged_at),
        "acknowledged_by": row.acknowledged_by or None,
        "suppressed_at": clock.wire(row.suppressed_at),
        "suppressed_by": row.suppressed_by or None,
        "suppressed_until": clock.wire(row.suppressed_until),
        "resolved_at": clock.wire(row.resolved_at),
        "resolved_by": row.resolved_by or None,
        "notes": row.notes,
    }
