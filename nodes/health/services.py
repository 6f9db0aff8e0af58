"""The only writer of a health event's status: raise, repeat, clear, resolve, reopen by the source.

`raise_event` and `clear_event` may be called by any higher app, inside its own transaction:

    raise_event(type="controller.job.lease_lapsed", severity="warning", message="…", node=node, recording=(recording.id, recording.name))
    clear_event(type="controller.job.lease_lapsed", node=node, recording=(recording.id, recording.name), at_once=True)

The same (type, node, interface, channel, recording or schedule, subject) is the same event as long as it is unresolved. What the source says
is over stays for `HEALTH_KEEP_FIRING_SECONDS` more; what fires again within ten minutes of its end is the same row again.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from config.kernel import clock, realtime
from config.kernel.access import Actor, Perm, ports, system
from config.kernel.errors import ApiError
from nodes import metrics
from nodes.fleet import live
from nodes.fleet.models import Interface, Node
from nodes.fleet.ports import ports as fleet
from nodes.health import shapes
from nodes.health.models import HealthEvent, HealthReport
from nodes.health.signals import health_event_changed
from nodes.health.states import Condition, EventStatus, Severity, Source

TOPIC = "health"
OVERFLOW = "controller.health.overflow"
UNRESOLVED_LIMIT = 200
REOPEN_WITHIN = timedelta(minutes=10)
FLAP_WINDOW = timedelta(minutes=30)
FLAPS = 4
DETAILS_LIMIT_BYTES = 8 * 1024
_CYCLES_KEPT = 20
# What a source says of the past is believed this far back.
OLDEST = timedelta(days=30)
Label = tuple[object, str]


@dataclass(frozen=True)
class Subject:
    """What an event is about; the parts that identify it."""

    type: str
    node: Node | None = None
    interface: Interface | None = None
    channel_index: int | None = None
    recording: Label | None = None
    schedule: Label | None = None
    subject: tuple[str, object, str] | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 over type, node, interface, channel, recording or schedule, subject."""
        about = self.recording or self.schedule
        parts = [
            self.type,
            self.node and str(self.node.pk),
            self.interface and str(self.interface.pk),
            self.channel_index,
            about and str(about[0]),
            self.subject and [self.subject[0], str(self.subject[1])],
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def columns(self) -> dict:
        recording, schedule, subject = self.recording or (None, ""), self.schedule or (None, ""), self.subject or ("", "", "")
        return {
            "type": self.type,
            "site_id": self.node.site_id if self.node else None,
            "node": self.node,
            "interface": self.interface,
            "channel_index": self.channel_index,
            "recording_id": recording[0],
            "recording_label": recording[1][:200],
            "schedule_id": schedule[0],
            "schedule_label": schedule[1][:200],
            "subject_kind": subject[0],
            "subject_id": str(subject[1]),
            "subject_label": subject[2][:200],
            "fingerprint": self.fingerprint,
        }


@transaction.atomic
def raise_event(
    *,
    type: str,  # noqa: A002 - the spec's word
    severity: str,
    message: str,
    node: Node | None = None,
    interface: Interface | None = None,
    channel_index: int | None = None,
    recording: Label | None = None,
    schedule: Label | None = None,
    subject: tuple[str, object, str] | None = None,
    details: dict | None = None,
    source: Source = Source.CONTROLLER,
    opened_at: datetime | None = None,
    actor: Actor | None = None,
) -> HealthEvent:
    """It fires: a new event, or one more count of the one that is there. `recording`, `schedule` are (id, label), `subject` (kind, id, label).

    Safe against any number of callers at once: one row, every call counted. Beyond 200 unresolved events of a node the overflow event counts.
    Topic counters are locked in the alphabet's order: call this before you publish on a topic of your own.
    """
    about = Subject(type, node, interface, channel_index, recording, schedule, subject)
    told = _Told(Severity(severity), message[:500], _bounded(details or {}), source, actor or system("health"))
    _serialise(about.fingerprint)
    event = HealthEvent.objects.select_for_update(of=("self",)).filter(fingerprint=about.fingerprint).exclude(status=EventStatus.RESOLVED).first()
    if event is not None:
        return _repeat(event, told)
    event = _recently_resolved(about.fingerprint)
    if event is not None:
        return _reopen(event, told)
    if (
        node is not None
        and type != OVERFLOW
        and HealthEvent.objects.filter(node=node).exclude(status=EventStatus.RESOLVED).count() >= UNRESOLVED_LIMIT
    ):
        return _overflow(node, about)
    return _open(about, told, opened_at)


@dataclass(frozen=True)
class _Told:
    """What one firing says."""

    severity: Severity
    message: str
    details: dict
    source: Source
    actor: Actor


def _bounded(details: dict) -> dict:
    return details if len(json.dumps(details, default=str)) <= DETAILS_LIMIT_BYTES else {"truncated": True}


def _serialise(fingerprint: str) -> None:
    """Callers about the same thing follow one another, so that finding, reopening and inserting are one step."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 8))", [fingerprint])


def _open(about: Subject, told: _Told, opened_at: datetime | None) -> HealthEvent:
    now = clock.now()
    event = HealthEvent(
        **about.columns(),
        severity=told.severity,
        severity_rank=told.severity.rank,
        source=told.source,
        message=told.message,
        details=told.details,
        opened_at=max(min(opened_at or now, now), now - OLDEST),
        last_seen_at=now,
    )
    # Behind the lock of this fingerprint nobody else inserts; the partial unique index would refuse a second row all the same.
    event.save(force_insert=True)
    metrics.EVENTS_OPENED.labels(event.type, event.severity).inc()
    _tell(event, "opened", told.actor, verb="health.event.opened")
    return event


def _repeat(event: HealthEvent, told: _Told) -> HealthEvent:
    """One more count; severity only rises, and a rise brings an acknowledged event back to people."""
    change = "repeated"
    event.count += 1
    event.last_seen_at = clock.now()
    event.details = told.details or event.details
    if event.condition != Condition.FIRING:
        event.condition, event.cleared_at, change = Condition.FIRING, None, "fired"
    if told.severity.rank > event.severity_rank:
        event.severity, event.severity_rank, event.message, change = told.severity, told.severity.rank, told.message, "rose"
        if event.status == EventStatus.ACKNOWLEDGED:
            event.status = EventStatus.OPEN
    event.save()
    _tell(event, change, told.actor, verb="health.event.escalated" if change == "rose" else None)
    return event


def _recently_resolved(fingerprint: str) -> HealthEvent | None:
    since = clock.now() - REOPEN_WITHIN
    found = HealthEvent.objects.select_for_update(of=("self",)).filter(fingerprint=fingerprint, status=EventStatus.RESOLVED, resolved_at__gte=since)
    return found.order_by("-resolved_at").first()


def _reopen(event: HealthEvent, told: _Told) -> HealthEvent:
    """The same row again. Its severity starts anew: it may only not fall while it is unresolved."""
    now = clock.now()
    event.status, event.condition = EventStatus.OPEN, Condition.FIRING
    event.severity, event.severity_rank = told.severity, told.severity.rank
    event.message, event.details = told.message, told.details or event.details
    event.resolved_at, event.resolved_by, event.cleared_at = None, "", None
    event.acknowledged_at, event.acknowledged_by = None, ""
    event.count += 1
    event.flap_count += 1
    event.last_seen_at = now
    event.cycles = [*event.cycles, now.isoformat()][-_CYCLES_KEPT:]
    recent = [at for at in event.cycles if now - datetime.fromisoformat(at) <= FLAP_WINDOW]
    event.flapping = event.flapping or len(recent) >= FLAPS
    event.save()
    metrics.EVENTS_OPENED.labels(event.type, event.severity).inc()
    _tell(event, "reopened", told.actor, verb="health.event.reopened")
    return event


def _overflow(node: Node, about: Subject) -> HealthEvent:
    message = f"More than {UNRESOLVED_LIMIT} health events of this node are unresolved; further ones are only counted here."
    return raise_event(type=OVERFLOW, severity=Severity.WARNING, message=message, node=node, details={"lastType": about.type})


@transaction.atomic
def clear_event(
    *,
    type: str,  # noqa: A002
    node: Node | None = None,
    interface: Interface | None = None,
    channel_index: int | None = None,
    recording: Label | None = None,
    schedule: Label | None = None,
    subject: tuple[str, object, str] | None = None,
    at_once: bool = False,
    actor: Actor | None = None,
) -> HealthEvent | None:
    """The source says that it is over: resolved a minute later (`health.liveness`) unless it fires again; `at_once` for conditions that end sharply."""
    about = Subject(type, node, interface, channel_index, recording, schedule, subject)
    _serialise(about.fingerprint)
    event = HealthEvent.objects.select_for_update(of=("self",)).filter(fingerprint=about.fingerprint).exclude(status=EventStatus.RESOLVED).first()
    if event is None:
        return None
    if at_once:
        return _resolve(event, actor or system("health"))
    if event.condition != Condition.CLEARED:
        event.condition, event.cleared_at = Condition.CLEARED, clock.now()
        event.save(update_fields=["condition", "cleared_at"])
        _tell(event, "cleared", actor or system("health"))
    return event


def _resolve(event: HealthEvent, actor: Actor) -> HealthEvent:
    now = clock.now()
    event.status, event.condition = EventStatus.RESOLVED, Condition.CLEARED
    event.cleared_at, event.resolved_at, event.flapping = event.cleared_at or now, now, False
    event.save()
    _tell(event, "resolved", actor, verb="health.event.resolved")
    return event


@transaction.atomic
def settle(event_id, actor: Actor) -> bool:
    """Resolve one cleared event whose minute is over; a flapping one is held until half an hour of quiet."""
    event = (
        HealthEvent.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(pk=event_id, condition=Condition.CLEARED)
        .exclude(status=EventStatus.RESOLVED)
        .first()
    )
    if event is None:
        return False
    quiet = clock.now() - event.cleared_at
    wait = FLAP_WINDOW if event.flapping else timedelta(seconds=settings.HEALTH_KEEP_FIRING_SECONDS)
    if quiet < wait:
        return False
    _resolve(event, actor)
    return True


@transaction.atomic
def set_condition(event_id, condition: Condition, actor: Actor) -> None:
    """Stale when the source fell silent, firing when it is heard again."""
    changed = HealthEvent.objects.filter(pk=event_id).exclude(status=EventStatus.RESOLVED).exclude(condition=condition).update(condition=condition)
    if changed:
        _tell(HealthEvent.objects.get(pk=event_id), "stale" if condition == Condition.STALE else "fired", actor)


@transaction.atomic
def report(*, actor: Actor, node: Node, body: dict) -> tuple[HealthEvent | None, bool]:
    """(event, made) for what a node reports: (node, id) again is the event that it made. ApiError event_type_reserved, not_found.

    A cleared report of something that is not open makes nothing: (None, True).
    """
    known = HealthReport.objects.select_related("event").filter(node=node, report_id=body["id"]).first()
    if known is not None:
        return known.event, False
    about = _reported(node, body)
    if body["state"] == "cleared":
        event = clear_event(**about, actor=actor)
    else:
        event = raise_event(
            **about, severity=body["severity"], message=body["message"], details=body.get("details"), source=Source.NODE,
            opened_at=body.get("opened_at"), actor=actor,
        )  # fmt: skip
    if event is not None:
        HealthReport.objects.bulk_create([HealthReport(node=node, report_id=body["id"], event=event)], ignore_conflicts=True)
    details = {"type": body["type"], "severity": body["severity"], "state": body["state"]}
    ports.record(
        "health.event.reported",
        actor=actor,
        subject=("node", node.pk, node.alias),
        outcome="succeeded",
        permission=Perm.HEALTH_ACKNOWLEDGE,
        details=details,
    )
    return event, True


def _reported(node: Node, body: dict) -> dict:
    if not body["type"].startswith("agent."):
        raise ApiError("event_type_reserved", data={"type": body["type"]})
    recording_id, schedule_id = body.get("recording_id"), body.get("schedule_id")
    if not fleet.subject_belongs(node.pk, recording_id, schedule_id):
        raise ApiError("not_found")
    interface = None
    if body.get("interface_id"):
        interface = Interface.objects.filter(node=node, pk=body["interface_id"]).first()
        if interface is None:
            raise ApiError("not_found")
    return {
        "type": body["type"],
        "node": node,
        "interface": interface,
        "channel_index": body.get("channel_index"),
        "recording": (recording_id, "") if recording_id else None,
        "schedule": (schedule_id, "") if schedule_id else None,
    }


def _tell(event: HealthEvent, change: str, actor: Actor, *, verb: str | None = None) -> None:
    """History note, audit, topic and signal of one change; a mere repetition tells the signal only."""
    if event.node_id and change != "repeated":
        live.node_changed(event.node_id)
    if change != "repeated":
        shapes.note(event, actor, change)
        realtime.publish(TOPIC, "health-event.changed", shapes.event(event), subject=("health_event", event.pk))
    if verb:
        facts = {"details": {"type": event.type, "severity": event.severity}}
        ports.record(verb, actor=actor, subject=("health_event", event.pk, event.type), outcome="succeeded", **facts)
    health_event_changed.send(sender=HealthEvent, event=event, change=change)
