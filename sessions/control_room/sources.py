"""What can be put on a bus, and how the room was told of it (04 §3): slate, the replay channel, and field sessions that are LIVE.

A field session is a source while it is LIVE and its consumer is a workspace of the control room. Its stored row holds what can't be read from the
session: the signal as it was told, gain and mute.
"""

from datetime import datetime

from django.db.models import QuerySet

from config.kernel import clock
from config.kernel.errors import ApiError
from operators.access.selectors import workspaces_of_room
from operators.console.models import ControlRoom
from sessions.control_room import states
from sessions.control_room.models import Production, ProductionSource
from sessions.control_room.states import REPLAY, SLATE
from sessions.field.models import FieldSession
from sessions.field.states import SessionState

_LABELS = {SLATE: "Slate", REPLAY: "Replay"}


def stored(room: ControlRoom) -> QuerySet[ProductionSource]:
    return ProductionSource.objects.filter(control_room=room)


def in_reach(room: ControlRoom) -> QuerySet[FieldSession]:
    """Sessions of the room's workspaces, in any state."""
    return FieldSession.objects.select_related("operator").filter(consumer_workspace__in=workspaces_of_room(room))


def live(room: ControlRoom) -> list[FieldSession]:
    """Those on air now, in a stable order."""
    return list(in_reach(room).filter(state=SessionState.LIVE).order_by("started_at", "pk"))


def label_of(session: FieldSession) -> str:
    return (session.label or (session.operator.label if session.operator else "") or str(session.pk))[:80]


def fresh(room: ControlRoom, source: str, session: FieldSession | None = None) -> ProductionSource:
    """The row of a source that nobody was told of yet, not saved."""
    if session is None:
        return ProductionSource(control_room=room, source=source, label=_LABELS[source], since=room.created_at or clock.now())
    signal = states.signal_of(session.media_lost_at, clock.now())
    since = session.media_lost_at if signal == states.Signal.LOST else session.started_at
    return ProductionSource(
        control_room=room, source=source, session_id=session.pk, label=label_of(session), signal=signal, since=since or clock.now()
    )


def demand(room: ControlRoom, source: str, path: str = "source", *, session: FieldSession | None = None) -> FieldSession | None:
    """The LIVE session behind a source, None for slate and replay. ApiError reference_not_found (no such source, or not the room's),
    session_not_live. `session`: its row, if the caller holds it, so that the answer stays true until the commit."""
    if source in _LABELS:
        return None
    pk = states.session_id_of(source)
    found = None if pk is None else in_reach(room).filter(pk=pk).first()
    if found is None:
        raise ApiError("reference_not_found", data={"path": path}, about=[("session", pk)] if pk else [])
    if (session or found).state != SessionState.LIVE:
        raise ApiError("session_not_live", data={"source": source, "state": (session or found).state})
    return session or found


def row_of(room: ControlRoom, source: str, session: FieldSession | None = None) -> ProductionSource:
    """The stored row, or a fresh one of the session (or of slate and replay)."""
    return stored(room).filter(source=source).first() or fresh(room, source, session)


def mix_of(room: ControlRoom, source: str) -> dict:
    """Gain and mute of one source."""
    row = (stored(room).filter(source=source).first() if room.created_at else None) or ProductionSource()
    return {"gain_db": row.gain_tenths / 10, "muted": row.muted}


def shape(row: ProductionSource, production: Production) -> dict:
    """A source as state and events show it."""
    return {
        "source": row.source,
        "label": row.label,
        "signal": row.signal,
        "since": row.since,
        "tally": states.tally_of(row.source, program=production.program_source, preview=production.preview_source),
        "gain_db": row.gain_tenths / 10,
        "muted": row.muted,
    }


def shapes(room: ControlRoom, production: Production) -> list[dict]:
    """All of them: slate, replay, then sessions in the order in which they went LIVE."""
    known = {row.source: row for row in stored(room)} if room.created_at else {}
    named = {SLATE: None, REPLAY: None} | {states.of_session(session.pk): session for session in live(room)}
    return [shape(known.get(source) or fresh(room, source, session), production) for source, session in named.items()]


def lost_since(session: FieldSession, program_since: datetime | None) -> datetime | None:
    """Since when program shows nothing: media's loss, or the later moment at which somebody put it there all the same."""
    if session.media_lost_at is None:
        return None
    return max(session.media_lost_at, program_since) if program_since else session.media_lost_at
