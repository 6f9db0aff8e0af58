"""Captions: lines that show for a while, the newest two at a time, kept for 90 days (04 §3). Bound by the lock of `captions`."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from config.kernel import clock
from config.kernel.access import Actor, Subsystem
from config.kernel.errors import ApiError
from operators.console import history, room
from operators.console.models import ControlRoom
from sessions import verbs
from sessions.control_room import desk, shapes, states
from sessions.control_room.desk import Desk
from sessions.control_room.models import CaptionLine
from sessions.control_room.vtt import Cue
from sessions.field.models import FieldSession

KEEP = timedelta(days=90)
DAY = timedelta(hours=24)


def lines() -> QuerySet[CaptionLine]:
    return CaptionLine.objects.all()


def showing(where: ControlRoom) -> list[CaptionLine]:
    """What is on the picture, oldest first."""
    return list(lines().filter(control_room=where, showing=True).order_by("start_at", "pk")) if where.created_at else []


def post(*, actor: Actor, text: str, duration_seconds: float | None = None) -> dict:
    """Show a line. Answers `{seq, line}`. ApiError throttled (ten in the last second), subsystem_locked."""
    with desk.held(actor=actor, subsystem=Subsystem.CAPTIONS) as at:
        recent = lines().filter(control_room=at.room, start_at__gt=at.now - timedelta(seconds=1))
        if recent.count() >= states.CAPTIONS_PER_SECOND:
            raise ApiError("throttled", data={"limit": states.CAPTIONS_PER_SECOND, "scope": "captions"}, headers={"Retry-After": "1"})
        # A longer line than two can show pushes out the oldest.
        kept = [line for line in showing(at.room) if line.end_at > at.now]
        _end(at, [line for line in showing(at.room) if line not in kept[-(states.CAPTIONS_SHOWN - 1) :]])
        seconds = duration_seconds or states.caption_seconds(text)
        line = CaptionLine.objects.create(
            control_room=at.room,
            text=text,
            start_at=at.now,
            end_at=at.now + timedelta(seconds=seconds),
            by_id=at.who["id"] or "",
            by_name=at.who["name"],
        )
        _tell(at)
        at.record(verbs.CAPTION_POSTED, {"line_id": str(line.pk), "characters": len(text)})
        return {"seq": at.seq, "line": shapes.caption(line)}


def clear(*, actor: Actor) -> dict:
    """End what shows. Answers `{seq, captions}`."""
    with desk.held(actor=actor, subsystem=Subsystem.CAPTIONS) as at:
        shown = showing(at.room)
        if shown:
            _end(at, shown)
            _tell(at)
            at.record(verbs.CAPTIONS_CLEARED, {"lines": len(shown)})
        return {"seq": at.seq, "captions": []}


def expire(at: Desk) -> bool:
    """Take away what has had its time; False if nothing has."""
    over = [line for line in showing(at.room) if line.end_at <= at.now]
    if not over:
        return False
    _end(at, over)
    _tell(at)
    return True


def purge() -> int:
    """Delete what is older than 90 days; how many."""
    return lines().filter(end_at__lt=clock.now() - KEEP, showing=False).delete()[0]


def _end(at: Desk, over: list[CaptionLine]) -> None:
    for line in over:
        line.showing, line.end_at = False, min(line.end_at, at.now)
        line.save(update_fields=["showing", "end_at"])


def _tell(at: Desk) -> None:
    at.tell("captions.changed", {"captions": [shapes.caption(line) for line in showing(at.room)]})


# --- as a file -------------------------------------------------------------------------------------------------------------------


def cues(*, start: datetime | None, end: datetime | None, session: FieldSession | None) -> list[Cue]:
    """The lines between two moments as cues in start order, relative to `start` (default: the first line of the last 24 hours), or with a session
    to its start, and then only what showed while it was on program, for as long as it was."""
    now = clock.now()
    if session is not None:
        begin = start or session.started_at or now
        until = min(filter(None, (end, session.ended_at, now)))
        origin = session.started_at or begin
        spans = on_program(session, until)
    else:
        begin, until = start or now - DAY, end or now
        origin, spans = start, [(begin, until)]
    rows = lines().filter(control_room=room.main(), start_at__lt=until, end_at__gt=begin).order_by("start_at", "pk")
    found = []
    for line in rows.iterator(chunk_size=500):
        for since, to in spans:
            first, last = max(line.start_at, since, begin), min(line.end_at, to)
            if first < last or (first == line.start_at and since <= first < to):
                found.append((first, max(last, first), line.text))
    found.sort(key=lambda cue: cue[0])
    origin = origin or (found[0][0] if found else begin)
    return [Cue(_ms(first - origin), _ms(last - origin), text) for first, last, text in found]


def on_program(session: FieldSession, until: datetime) -> list[tuple[datetime, datetime]]:
    """When the session was on program, by the room's history."""
    source = states.of_session(session.pk)
    if session.started_at is None:
        return []
    changes = history.events().filter(control_room=room.main(), event="program.changed", at__gte=session.started_at, at__lte=until)
    spans, since = [], None
    for at, shown in changes.order_by("seq").values_list("at", "data__program__source"):
        if shown == source and since is None:
            since = at
        elif shown != source and since is not None:
            spans.append((since, at))
            since = None
    return [*spans, (since, until)] if since is not None else spans


def _ms(span: timedelta) -> int:
    return max(round(span / timedelta(milliseconds=1)), 0)
