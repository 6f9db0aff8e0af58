"""Gain and mute of each source (04 §3), applied where program is played. Bound by the lock of `audio`; each answers `{seq, source}`."""

from config.kernel.access import Actor, Subsystem
from sessions import verbs
from sessions.control_room import desk, sources


def set_gain(*, actor: Actor, source: str, gain_db: float) -> dict:
    """`gain_db` −60.0…+12.0 in tenths. ApiError reference_not_found, session_not_live, subsystem_locked."""
    return _mix(actor, source, gain_tenths=round(gain_db * 10))


def set_mute(*, actor: Actor, source: str, muted: bool) -> dict:
    """Errors as `set_gain`."""
    return _mix(actor, source, muted=muted)


def _mix(actor: Actor, source: str, **wanted) -> dict:
    with desk.held(actor=actor, subsystem=Subsystem.AUDIO) as at:
        session = sources.demand(at.room, source)
        row = sources.row_of(at.room, source, session)
        changes = {name: value for name, value in wanted.items() if getattr(row, name) != value}
        if changes:
            for name, value in changes.items():
                setattr(row, name, value)
            row.save()
            at.tell("source.changed", {"source": sources.shape(row, at.production)})
            at.record(verbs.MIX_CHANGED, {"source": source, **changes})
        return {"seq": at.seq, "source": sources.shape(row, at.production)}
