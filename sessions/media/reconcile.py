"""The poll: what the provider says now, filed as the events that were perhaps never delivered (05 §5, §13); and what it is to record, said
until it does."""

from datetime import datetime, timedelta

import structlog
from django.db.models import F, Q

from config.kernel import clock
from config.kernel.errors import ApiError
from sessions.field.states import SessionState
from sessions.media import events, provider, takes, windows
from sessions.media.models import MediaEvent, MediaInput
from sessions.media.states import EventKind, Flow, InputState

log = structlog.get_logger("media.reconcile")
LIVE_EVERY = timedelta(seconds=5)
# A provider that can't be asked is not a loss at once: its webhooks may still tell. After this nobody can say that media flows.
SILENT = timedelta(seconds=15)
BATCH = 200
# Evidence of bytes needs two looks at least this far apart.
APART = timedelta(milliseconds=500)


def run() -> dict:
    """One round: inputs that are not live yet each time, live ones every five seconds; unapplied events; returns counts."""
    now = clock.now()
    asked = Q(recording_settled=False) | Q(recording_until__lte=now)
    live = Q(session__state=SessionState.LIVE) & (Q(flow_at=None) | Q(flow_at__lte=now - LIVE_EVERY) | asked)
    due = MediaInput.objects.filter(Q(session__state=SessionState.ASSIGNED) | live, state=InputState.READY)
    failed = 0
    for row in list(due.select_related("session").order_by(F("flow_at").asc(nulls_first=True))[:BATCH]):
        failed += not _polled(row)
    return {"failed": failed, "applied": _apply_waiting()}


def _polled(row: MediaInput) -> bool:
    try:
        try:
            _look(row)
            return True
        except ApiError as error:
            _silent(row, error)
    except Exception:
        # An answer that nobody thought of holds up no other row: this one is asked again after them.
        log.exception("media_not_polled", input=str(row.pk))
        MediaInput.objects.filter(pk=row.pk).update(flow_at=clock.now())
    return False


def idle() -> bool:
    """Whether there is nothing to poll at all."""
    return not MediaInput.objects.filter(state=InputState.READY, session__state__in=[SessionState.ASSIGNED, SessionState.LIVE]).exists()


def _look(row: MediaInput) -> None:
    adapter = provider.named(row.provider)
    now = clock.now()
    status = adapter.status(row.ref)
    flow = status.flow
    if flow is Flow.FLOWING and status.since is None and not _evidence(row, status, now):
        flow = Flow.CONNECTING
    changes = {"flow": flow, "flow_at": now, "inbound_bytes": status.inbound_bytes, "updated_at": now}
    if flow is Flow.FLOWING:
        changes["flowing_seen_at"] = now
        _file(adapter, row, EventKind.FLOWING, status.since or now, now)
    elif row.session.state == SessionState.LIVE:
        lost_at = status.since if flow is Flow.LOST and status.since else row.flowing_seen_at or row.session.started_at
        _file(adapter, row, EventKind.LOST, lost_at or now, now)
    MediaInput.objects.filter(pk=row.pk).update(**changes)
    takes.tell(adapter, row, status)


def _evidence(row: MediaInput, status: provider.Status, now: datetime) -> bool:
    """Bytes that grew between two looks at least half a second apart: a provider that says no more than "available" is not believed alone."""
    apart = row.flow_at is not None and now - row.flow_at >= APART
    return apart and status.inbound_bytes > row.inbound_bytes > 0


def _silent(row: MediaInput, error: ApiError) -> None:
    """The provider can't be asked. Media that nobody has seen for long is not billed as seen."""
    log.info("media_poll_failed", input=str(row.pk), code=error.code)
    seen = row.flowing_seen_at
    if row.session.state == SessionState.LIVE and seen is not None and clock.now() - seen > SILENT:
        newest = MediaEvent.objects.filter(input=row).order_by("-received_at").first()
        if newest is None or newest.received_at < clock.now() - SILENT:
            _file(provider.named(row.provider), row, EventKind.LOST, max(seen, newest.at if newest else seen), clock.now())


def _file(adapter, row: MediaInput, kind: EventKind, at: datetime, asked_at: datetime) -> None:
    """File what the poll saw of `asked_at`, unless the events say so already or a loss was told meanwhile."""
    facts = windows.facts_of(row.session)
    if kind is EventKind.FLOWING and any(fact.kind == EventKind.LOST and fact.received_at >= asked_at for fact in facts):
        # The answer may be older than that loss, and would end it where it began; the next look knows.
        return
    known = windows.windows(facts)
    lost = bool(known) and known[-1][1] is None
    flowed = windows.first_flowing(facts) is not None
    if (kind is EventKind.FLOWING and flowed and not lost) or (kind is EventKind.LOST and (lost or not flowed)):
        return
    if kind is EventKind.FLOWING and lost:
        # The loss that it ends came before it.
        at = max(at, known[-1][0])
    name = f"poll:{row.pk}:{kind.value}:{round(at.timestamp() * 1000)}"
    events.receive(adapter, [provider.MediaEvent(name, row.ref, kind, at)], "poll")


def _apply_waiting() -> int:
    """Events whose task was lost."""
    events.adopt_refs()
    waiting = MediaEvent.objects.filter(applied_at=None).exclude(input=None)
    ids = list(waiting.values_list("input_id", flat=True).distinct()[:BATCH])
    applied = 0
    for input_id in ids:
        try:
            applied += events.apply(input_id)
        except Exception:
            log.exception("media_events_not_applied", input=str(input_id))
    return applied
