"""Preview, cut, take: which source is on which bus (04 §3). Bound by the lock of `switching`; each answers `{seq, program, preview}`."""

from config.kernel.access import Actor, Subsystem
from config.kernel.errors import ApiError
from sessions import verbs
from sessions.control_room import desk, shapes
from sessions.control_room.desk import Desk
from sessions.control_room.states import Reason


def preview(*, actor: Actor, source: str) -> dict:
    """Get a source ready. ApiError reference_not_found, session_not_live, replay_empty, subsystem_locked."""
    with desk.held(actor=actor, subsystem=Subsystem.SWITCHING, buses=True, naming=[source]) as at:
        at.demand(source)
        if at.turn(Reason.PREVIEW, preview=source):
            at.record(verbs.PREVIEW_SET, {"source": source})
        return _answer(at)


def cut(*, actor: Actor, source: str | None = None) -> dict:
    """Put a source, or what preview holds, on program; preview stays. Errors as `preview`."""
    with desk.held(actor=actor, subsystem=Subsystem.SWITCHING, buses=True, naming=[source] if source else []) as at:
        wanted = source or at.production.preview_source
        at.demand(wanted)
        before = at.production.program_source
        if at.turn(Reason.CUT, program=wanted):
            at.record(verbs.PROGRAM_CUT, {"source": wanted, "from": before})
        return _answer(at)


def take(*, actor: Actor, expect: str | None = None) -> dict:
    """Swap the buses. ApiError preview_changed if preview does not hold what the caller saw there; else as `preview`."""
    with desk.held(actor=actor, subsystem=Subsystem.SWITCHING, buses=True) as at:
        row = at.production
        if expect is not None and expect != row.preview_source:
            raise ApiError("preview_changed", data={"preview": shapes.preview(at.room, row)})
        at.demand(row.preview_source)
        was = row.program_source
        if at.turn(Reason.TAKE, program=row.preview_source, preview=was):
            at.record(verbs.PROGRAM_TAKEN, {"source": row.program_source, "from": was})
        return _answer(at)


def _answer(at: Desk) -> dict:
    return {"seq": at.seq, "program": shapes.program(at.room, at.production), "preview": shapes.preview(at.room, at.production)}
