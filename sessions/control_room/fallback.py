"""What the production does by itself (04 §3): a bus never shows what is gone. Nothing returns by itself."""

from config.kernel.access import system
from operators.console import room
from sessions import verbs
from sessions.control_room import desk, sources, states
from sessions.control_room.desk import Desk
from sessions.control_room.models import ViewerRemoval
from sessions.control_room.states import REPLAY, SLATE, Reason
from sessions.field.models import FieldSession
from sessions.field.states import SessionState

SYSTEM_TASK = "control_room.tick"


def source_left(session: FieldSession, reason: Reason = Reason.SOURCE_ENDED) -> None:
    """A session leaves LIVE, in this very transaction, which holds its row: buses that hold it turn to slate, and it is no source any more."""
    source = states.of_session(session.pk)
    # Nobody can put it on a bus meanwhile: that takes its row, too.
    if not _is_source(source, session):
        return
    at = desk.joined(session, system(SYSTEM_TASK))
    drop(at, source, reason)
    # The media goes with the session, and its viewers with the media.
    ViewerRemoval.objects.filter(session_id=session.pk).delete()


def drop(at: Desk, source: str, reason: Reason = Reason.SOURCE_ENDED) -> None:
    """A source is none any more."""
    turn_away(at, source, reason)
    at.forget_return(source)
    sources.stored(at.room).filter(source=source).delete()
    at.tell("source.removed", {"source": source})


def _is_source(source: str, session: FieldSession) -> bool:
    where = room.main()
    return sources.stored(where).filter(source=source).exists() or sources.in_reach(where).filter(pk=session.pk).exists()


def turn_away(at: Desk, source: str, reason: Reason) -> bool:
    """Slate on each bus that holds this source."""
    held = {bus: SLATE for bus in ("program", "preview") if getattr(at.production, f"{bus}_source") == source}
    if not at.turn(reason, **held):
        return False
    at.record(verbs.PROGRAM_FELL_BACK, {"source": source, "reason": str(reason), "buses": sorted(held)})
    return True


def signal_lost(at: Desk, session: FieldSession) -> bool:
    """Program shows nothing for ten seconds: slate."""
    since = sources.lost_since(session, at.production.program_since)
    source = states.of_session(session.pk)
    if since is None or at.now - since < states.FALL_BACK_AFTER or at.production.program_source != source:
        return False
    at.turn(Reason.SIGNAL_LOST, program=SLATE)
    at.record(verbs.PROGRAM_FELL_BACK, {"source": source, "reason": Reason.SIGNAL_LOST.value, "buses": ["program"]})
    return True


def replay_gave_way(at: Desk, *, emptied: bool) -> None:
    """The replay has ended, or its channel is empty: program returns to the session that it had before, if that is LIVE, else to slate."""
    row, moves = at.production, {}
    if row.program_source == REPLAY:
        pk = states.session_id_of(row.return_to)
        session = at.sessions.get(pk) if pk else None
        live = session is not None and session.state == SessionState.LIVE and sources.in_reach(at.room).filter(pk=pk).exists()
        moves["program"] = row.return_to if live else SLATE
    if emptied and row.preview_source == REPLAY:
        moves["preview"] = SLATE
    who, at.who = at.who, room.SYSTEM
    if at.turn(Reason.REPLAY_ENDED, **moves):
        at.record(verbs.PROGRAM_FELL_BACK, {"source": REPLAY, "reason": Reason.REPLAY_ENDED.value, "buses": sorted(moves)})
    at.who = who
