"""`control_room.tick`: what happens because time passes (04 §3), at most two seconds late. Pages act on the announced ends by themselves."""

from datetime import datetime, timedelta

import structlog
from django.db.models import CharField, Exists, OuterRef, Q, Value
from django.db.models.functions import Cast, Concat

from config.kernel import clock
from config.kernel.access import system
from config.kernel.errors import ApiError
from operators.access.selectors import workspaces_of_room
from operators.console import room
from operators.console.models import ControlRoom
from sessions.control_room import captions, desk, fallback, graphics, replay_channel, sources, states
from sessions.control_room.desk import Desk
from sessions.control_room.models import CaptionLine, Production, ProductionSource, ReplayChannel, ViewerRemoval
from sessions.control_room.states import ReplayState, Signal
from sessions.field.models import FieldSession
from sessions.field.states import SessionState
from sessions.media import services as media

log = structlog.get_logger("control_room")


def run() -> dict[str, int]:
    """One round; counts of what was done. With nothing due it costs two queries."""
    where, now = room.main(), clock.now()
    if where.created_at is None or not _is_due(where, now):
        return {}
    counts = _round()
    counts["viewers_left"] = send_viewers_away()
    return counts


def _round() -> dict[str, int]:
    with desk.held(actor=system(fallback.SYSTEM_TASK), subsystem=None, buses=True) as at:
        return {
            "sources": follow_sources(at),
            "hidden": int(_lower_third(at)),
            "captions": int(captions.expire(at)),
            "replay": int(_replay(at)),
        }


def _is_due(where: ControlRoom, now: datetime) -> bool:
    """Whether there is anything to do, in one query of indexed rows."""
    reach = workspaces_of_room(where)
    told = ProductionSource.objects.filter(control_room=where)
    live = FieldSession.objects.filter(state=SessionState.LIVE, consumer_workspace__in=reach)
    known = told.filter(session_id=OuterRef("pk"))
    quiet = Q(media_lost_at__lte=now - states.SIGNAL_LOST_AFTER)
    production = Production.objects.filter(control_room=where)
    silent = live.filter(media_lost_at__lte=now - states.FALL_BACK_AFTER).annotate(
        name=Concat(Value("session:"), Cast("pk", CharField()), output_field=CharField())
    )
    due = (
        Exists(live.exclude(Exists(known)))
        | Exists(live.filter(quiet).filter(Exists(known.filter(signal=Signal.OK))))
        | Exists(live.exclude(quiet).filter(Exists(known.filter(signal=Signal.LOST))))
        | Exists(told.exclude(session_id=None).exclude(Exists(live.filter(pk=OuterRef("session_id")))))
        | Exists(production.filter(lower_visible=True, lower_hide_at__lte=now))
        | Exists(silent.filter(Exists(production.filter(program_source=OuterRef("name")))))
        | Exists(ReplayChannel.objects.filter(control_room=where, state=ReplayState.PLAYING, ends_at__lte=now))
        | Exists(CaptionLine.objects.filter(control_room=where, showing=True, end_at__lte=now))
        | Exists(ViewerRemoval.objects.filter(due_at__lte=now))
    )
    return ControlRoom.objects.filter(due, pk=where.pk).exists()


def follow_sources(at: Desk) -> int:
    """Tell of sessions that came and went, of signals lost and found; and leave a program that shows nothing."""
    known = {row.source: row for row in sources.stored(at.room).exclude(session_id=None)}
    changes = 0
    for session in sources.live(at.room):
        source = states.of_session(session.pk)
        row, fresh = known.pop(source, None), sources.fresh(at.room, source, session)
        if row is None or row.signal != fresh.signal:
            if row is None:
                row = fresh
            else:
                row.signal, row.since = fresh.signal, fresh.since if fresh.signal == Signal.LOST else at.now
            row.save()
            at.tell("source.changed", {"source": sources.shape(row, at.production)})
            changes += 1
        changes += fallback.signal_lost(at, session)
    for source in known:
        fallback.drop(at, source)
        changes += 1
    return changes


def _lower_third(at: Desk) -> bool:
    hide_at = at.production.lower_hide_at
    return hide_at is not None and hide_at <= at.now and graphics.hide(at)


def _replay(at: Desk) -> bool:
    row = at.channel
    if row.state != ReplayState.PLAYING or row.ends_at > at.now:
        return False
    replay_channel.ended(at)
    fallback.replay_gave_way(at, emptied=False)
    return True


def send_viewers_away() -> int:
    """Kick the program link's viewers of what left program five seconds ago. Asks the provider, so outside any transaction."""
    sent = 0
    for removal in list(ViewerRemoval.objects.filter(due_at__lte=clock.now())):
        # One that came back to program meanwhile keeps its viewers.
        if not ViewerRemoval.objects.filter(pk=removal.pk, due_at=removal.due_at).delete()[0]:
            continue
        session = FieldSession.objects.filter(pk=removal.session_id).first()
        try:
            if session is not None:
                media.kick_program(session)
                sent += 1
        except (ApiError, OSError) as error:
            log.info("viewers_not_sent_away", session=str(removal.session_id), error=type(error).__name__)
            ViewerRemoval.objects.get_or_create(session_id=removal.session_id, defaults={"due_at": clock.now() + timedelta(seconds=1)})
    return sent
