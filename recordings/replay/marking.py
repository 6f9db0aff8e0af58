"""Marks and the clips that come of them, while the recording runs (07 §9). Bound by the lock of `replay`, under the room's row."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from config.kernel import clock
from config.kernel.access import Actor, Perm, Route, Subsystem, ports
from config.kernel.errors import ApiError, FieldError
from operators.console import room
from recordings import live, trail, verbs
from recordings.jobs.models import Job
from recordings.jobs.states import LIVE as LIVE_JOBS
from recordings.library.models import Recording
from recordings.locks import patient
from recordings.replay import clips, states
from recordings.replay.models import ReplayClip, ReplayMark
from sessions.control_room import sources

_ROUTE = Route(subsystem=Subsystem.REPLAY)


def demand_session(session_id: UUID, path: str = "sessionId"):
    """A session of the room's workspaces, in any state. ApiError reference_not_found."""
    found = sources.in_reach(room.main()).filter(pk=session_id).first()
    if found is None:
        raise ApiError("reference_not_found", data={"path": path}, about=[("session", session_id)])
    return found


def open_mark(session_id: UUID) -> ReplayMark | None:
    return ReplayMark.objects.filter(session_id=session_id, closed_at=None).first()


def mark_in(*, actor: Actor, session_id: UUID, at: datetime | None = None) -> ReplayMark:
    """An in point, now or a while ago. ApiError reference_not_found, no_session_recording, mark_open, subsystem_locked; FieldError at."""
    demand_session(session_id)
    with patient():
        recording = _running(session_id)
        moment = _moment(at)
        if moment < recording.recorded_at:
            raise FieldError("at", "before_recording", "The recording began after that.")
        if (known := open_mark(session_id)) is not None:
            raise ApiError("mark_open", data={"markId": str(known.pk), "inAt": clock.wire(known.in_at)})
        made = ReplayMark.objects.create(session_id=session_id, recording=recording, in_at=moment, created_by=actor.label)
        _record(verbs.MARK_SET, actor, recording, "mark_in", ("replay_mark", made), {"in_at": clock.wire(moment)})
    return made


def mark_out(*, actor: Actor, session_id: UUID, at: datetime | None = None, name: str = "") -> ReplayClip:
    """The clip from the open mark to here. ApiError reference_not_found, no_open_mark, limit_reached, clip_out_of_range (the mark stays open),
    subsystem_locked; FieldError at."""
    demand_session(session_id)
    with patient():
        mark = ReplayMark.objects.select_for_update(of=("self",)).select_related("recording").filter(session_id=session_id, closed_at=None).first()
        if mark is None:
            raise ApiError("no_open_mark")
        recording = _locked(mark.recording_id)
        made = clips.make(actor=actor, recording=recording, in_at=mark.in_at, out_at=_moment(at), name=name)
        mark.closed_at = clock.now()
        mark.save(update_fields=["closed_at", "updated_at"])
        _tell(actor, recording, "mark_out", made)
    return made


def quick(*, actor: Actor, session_id: UUID, last_seconds: float = 10, name: str = "") -> ReplayClip:
    """The clip of the last seconds, as many as there are. ApiError as `mark_out`'s, but no_session_recording."""
    demand_session(session_id)
    with patient():
        recording = _running(session_id)
        now = clock.now()
        in_at = max(now - timedelta(seconds=last_seconds), recording.recorded_at)
        made = clips.make(actor=actor, recording=recording, in_at=in_at, out_at=now, name=name)
        _tell(actor, recording, "quick", made)
    return made


@transaction.atomic
def drop_mark(*, actor: Actor, session_id: UUID) -> None:
    """Forget the open mark. ApiError reference_not_found, no_open_mark, subsystem_locked."""
    demand_session(session_id)
    mark = ReplayMark.objects.select_for_update(of=("self",)).select_related("recording").filter(session_id=session_id, closed_at=None).first()
    if mark is None:
        raise ApiError("no_open_mark")
    mark.closed_at = clock.now()
    mark.save(update_fields=["closed_at", "updated_at"])
    _record(verbs.MARK_DROPPED, actor, mark.recording, "drop_mark", ("replay_mark", mark), {"in_at": clock.wire(mark.in_at)})


def _running(session_id: UUID) -> Recording:
    """The recording that runs, its row held: marks and clips of one session come one after another."""
    job = Job.objects.filter(session_id=session_id, status__in=LIVE_JOBS).first()
    if job is None:
        raise ApiError("no_session_recording")
    return _locked(job.recording_id)


def _locked(recording_id) -> Recording:
    return Recording.objects.select_for_update(of=("self",)).get(pk=recording_id)


def _moment(at: datetime | None) -> datetime:
    now = clock.now()
    if at is None:
        return now
    if at > now + states.AHEAD:
        raise FieldError("at", "in_future", "That is still to come.")
    if at < now - states.FURTHEST_BACK:
        raise FieldError("at", "too_old", "At most ten minutes back.")
    return min(at, now)


def _tell(actor: Actor, recording: Recording, action: str, made: ReplayClip) -> None:
    """The topic before the room's row, in the order of every guarded command: the other way round two of them could wait for each other."""
    live.clip_changed(made)
    _record(verbs.CLIP_MARKED, actor, recording, action, ("replay_clip", made), clips.span_of(made))


def _record(verb: str, actor: Actor, recording: Recording, action: str, thing: tuple, facts: dict) -> None:
    """The audit's row, then the room's."""
    kind, row = thing
    details = {**facts, kind: str(row.pk)}
    trail.of_recording(verb, recording, actor=actor, permission=Perm.CONTROL_ROOM_OPERATE, details=details)
    ports.commanded(actor, _ROUTE, action, {"type": kind, "id": str(row.pk), "label": str(row)})
