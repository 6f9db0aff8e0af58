"""The inbox of what providers report: stored as it came, once, then applied to the session; order and repeats make no difference.

Webhooks are hints and the poll files the same kinds, so an event may come twice, late, or only from one of them.
"""

from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import F

from config.kernel import clock
from config.kernel.tasks import after_commit
from sessions.field import states
from sessions.field.locking import locked
from sessions.field.models import FieldSession
from sessions.media import provider, windows
from sessions.media.models import MediaEvent, MediaInput
from sessions.media.signals import media_began

log = structlog.get_logger("media.events")
LATE = "late_media_event"
_RAW_LIMIT = 8192


def receive(adapter: provider.MediaProvider, events: list[provider.MediaEvent], raw: str) -> int:
    """Store what a provider says and queue its application; returns how many were new."""
    now = clock.now()
    refs = MediaInput.objects.filter(provider=adapter.name, ref__in={event.ref for event in events}).values_list("ref", "pk")
    inputs = dict(refs)
    rows = [
        MediaEvent(
            provider=adapter.name, event_id=event.id[:120], input_id=inputs.get(event.ref), ref=event.ref[:120], kind=event.kind, at=event.at,
            received_at=now, raw=raw[:_RAW_LIMIT],
        )
        for event in events
    ]  # fmt: skip
    with transaction.atomic():
        before = set(MediaEvent.objects.filter(provider=adapter.name, event_id__in=[row.event_id for row in rows]).values_list("event_id", flat=True))
        MediaEvent.objects.bulk_create(rows, ignore_conflicts=True)
        fresh = [row for row in rows if row.event_id not in before]
        from sessions.media.tasks import apply_events

        for input_id in {row.input_id for row in fresh if row.input_id}:
            after_commit(apply_events, str(input_id))
    return len(fresh)


def adopt_refs() -> int:
    """Events that came before their input was stored as READY find it now."""
    adopted = 0
    waiting = MediaEvent.objects.filter(input=None, applied_at=None)
    for name, ref in list(waiting.values_list("provider", "ref").distinct()[:200]):
        row = MediaInput.objects.filter(provider=name, ref=ref).first()
        if row is not None:
            adopted += waiting.filter(provider=name, ref=ref).update(input=row)
    return adopted


def apply(input_id) -> bool:
    """Tell the session what its events say by now; False if there was nothing new. Safe to repeat, from several places at once."""
    media_input = MediaInput.objects.filter(pk=input_id).first()
    if media_input is None:
        return False
    with transaction.atomic():
        session = locked(media_input.session_id)
        waiting = list(MediaEvent.objects.select_for_update().filter(input_id=input_id, applied_at=None))
        if not waiting:
            return False
        if session.state in states.TERMINAL:
            _too_late(session, waiting)
        elif session.state in states.SERVING:
            _tell(session)
        MediaEvent.objects.filter(pk__in=[row.pk for row in waiting]).update(applied_at=clock.now())
    return True


def _tell(session) -> None:
    from sessions.field import services as field

    facts = windows.facts_of(session)
    began = windows.first_flowing(facts)
    if began is None:
        return
    if session.state == states.SessionState.ASSIGNED:
        at = min(max(began, session.assigned_at), clock.now())
        if not field.go_live(session.pk, at):
            return
        media_began.send(sender=MediaEvent, session_id=session.pk, at=at)
        session = locked(session.pk)
    _tell_flow(field, session, windows.windows(facts))


def _tell_flow(field, session, found: list[windows.Window]) -> None:
    """Whether media is away now: said when it changes."""
    lost_at: datetime | None = found[-1][0] if found and found[-1][1] is None else None
    if lost_at is not None and session.media_lost_at is None:
        field.media_lost(session.pk, lost_at)
    elif lost_at is None and session.media_lost_at is not None:
        field.media_resumed(session.pk, found[-1][1] if found else clock.now())


def _too_late(session, waiting: list[MediaEvent]) -> None:
    """The bill is made: what comes now is kept and flagged, and changes nothing."""
    MediaEvent.objects.filter(pk__in=[row.pk for row in waiting]).update(late=True)
    matters = session.started_at is not None and any(min(row.at, row.received_at) < session.ended_at for row in waiting)
    if matters and LATE not in session.trust_flags:
        flags = [*session.trust_flags, LATE]
        FieldSession.objects.filter(pk=session.pk).update(trust_flags=flags, revision=F("revision") + 1, updated_at=clock.now())
