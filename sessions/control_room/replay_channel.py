"""The one replay channel: it holds one clip, which plays, stands or has ended, on a bus or not (04 §3).

Clips are the recordings' business: here they are plain data. Each verb is bound by the lock of `replay` and answers `{seq, replay}`.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from config.kernel.access import Actor, Subsystem
from config.kernel.errors import ApiError
from operators.console import room
from sessions import verbs
from sessions.control_room import desk, fallback, shapes, states
from sessions.control_room.desk import Desk
from sessions.control_room.states import ReplayState


@dataclass(frozen=True)
class Clip:
    """A clip that is ready to be shown. `play_from_ms`: where its in point lies in its file."""

    id: UUID
    session_id: UUID
    name: str
    duration_ms: int
    play_from_ms: int


def loaded_clip() -> UUID | None:
    """The clip in the channel."""
    return desk.channel_of(room.main()).clip_id


def load_and_play(*, actor: Actor, clip: Clip, rate: float = 1.0, from_ms: int = 0) -> dict:
    """Put a clip into the channel and play it; on air at once if the channel is. ApiError clip_out_of_range, subsystem_locked."""
    with desk.held(actor=actor, subsystem=Subsystem.REPLAY) as at:
        row = at.channel
        row.clip_id, row.session_id, row.name = clip.id, clip.session_id, clip.name
        row.duration_ms, row.play_from_ms = clip.duration_ms, clip.play_from_ms
        _play(at, from_ms, rate)
        at.record(verbs.REPLAY_PLAYED, {"clip_id": str(clip.id), "name": clip.name, "rate": rate, "from_ms": from_ms})
        return _answer(at)


def resume(*, actor: Actor, rate: float | None = None, from_ms: int | None = None) -> dict:
    """Go on with the clip that is loaded, from where it stands, or `from_ms`, at this speed from now on; one that has ended begins again.

    ApiError replay_empty, clip_out_of_range, subsystem_locked.
    """
    with desk.held(actor=actor, subsystem=Subsystem.REPLAY) as at:
        row = _demand_clip(at)
        if row.state == ReplayState.PLAYING and from_ms is None and rate in (None, row.rate):
            return _answer(at)
        position = from_ms if from_ms is not None else 0 if row.state == ReplayState.ENDED else position_ms(at)
        _play(at, position, row.rate if rate is None else rate)
        at.record(verbs.REPLAY_PLAYED, {"clip_id": str(row.clip_id), "name": row.name, "rate": row.rate, "from_ms": position})
        return _answer(at)


def pause(*, actor: Actor) -> dict:
    """Stand still where it is. ApiError replay_empty, subsystem_locked."""
    with desk.held(actor=actor, subsystem=Subsystem.REPLAY) as at:
        row = _demand_clip(at)
        if row.state == ReplayState.PLAYING:
            row.position_ms, row.state, row.started_at, row.ends_at = position_ms(at), ReplayState.PAUSED, None, None
            _tell(at)
            at.record(verbs.REPLAY_PAUSED, {"clip_id": str(row.clip_id), "name": row.name, "position_ms": row.position_ms})
        return _answer(at)


def stop(*, actor: Actor) -> dict:
    """Empty the channel; a bus that holds it gives way. ApiError replay_empty, subsystem_locked."""
    with desk.held(actor=actor, subsystem=Subsystem.REPLAY, buses=True) as at:
        row = _demand_clip(at)
        facts = {"clip_id": str(row.clip_id), "name": row.name}
        row.state, row.clip_id, row.session_id, row.name = ReplayState.EMPTY, None, None, ""
        row.duration_ms = row.play_from_ms = row.position_ms = 0
        row.started_at = row.ends_at = None
        row.rate = 1.0
        _tell(at)
        fallback.replay_gave_way(at, emptied=True)
        at.record(verbs.REPLAY_STOPPED, facts)
        return _answer(at)


def restart(at: Desk) -> None:
    """It came to program: from its in point."""
    _play(at, 0, at.channel.rate)


def ended(at: Desk) -> None:
    """It has played to its end."""
    row = at.channel
    row.state, row.position_ms, row.started_at, row.ends_at = ReplayState.ENDED, row.duration_ms, None, None
    _tell(at)


def position_ms(at: Desk) -> int:
    """Where it stands now, from its in point."""
    row = at.channel
    if row.state != ReplayState.PLAYING:
        return row.position_ms
    return states.played_ms(position_ms=row.position_ms, started_at=row.started_at, rate=row.rate, now=at.now, duration_ms=row.duration_ms)


def why_nothing_to_hold() -> ApiError | None:
    """What pause and stop would answer of the channel's state, for `/control-room/actions`."""
    return _empty(desk.channel_of(room.main()))


def _empty(channel) -> ApiError | None:
    return ApiError("replay_empty") if channel.state == ReplayState.EMPTY else None


def _demand_clip(at: Desk):
    if refused := _empty(at.channel):
        raise refused
    return at.channel


def _play(at: Desk, from_ms: int, rate: float) -> None:
    row = at.channel
    if not 0 <= from_ms <= row.duration_ms - 1:
        raise ApiError("clip_out_of_range", data={"duration_ms": row.duration_ms})
    row.state, row.position_ms, row.rate = ReplayState.PLAYING, from_ms, rate
    # Whole milliseconds, as the wire has them, so that pages and server mean the same end.
    row.started_at = at.now.replace(microsecond=at.now.microsecond // 1000 * 1000)
    row.ends_at = states.ends_at(position_ms=from_ms, started_at=row.started_at, rate=rate, duration_ms=row.duration_ms)
    if row.ends_at <= at.now:
        row.ends_at = at.now + timedelta(milliseconds=1)
    _tell(at)


def _tell(at: Desk) -> None:
    at.save(at.channel)
    at.tell("replay.changed", {"replay": shapes.replay(at.channel)})


def _answer(at: Desk) -> dict:
    return {"seq": at.seq, "replay": shapes.replay(at.channel)}
