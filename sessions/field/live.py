"""Topics `sessions` (own rows, and open requests to suppliers who cover the point) and `session:<id>` (one session, for its two sides).

`session:<id>`: `state` {session}, `tally` {sessionId, tally, since}, `point` {point, accuracyMeters, at}, `media` {flowing, since}, to the operator's side
`challenge`, and each second while LIVE a `tick` {meter} that is kept nowhere. `sessions`: `session.changed`, `session.opened`, `session.closed` {id}.
What is told here holds no URL and no token.
"""

import threading
import time
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from config.kernel import clock, realtime
from config.kernel.access import Actor, Perm, ports
from config.kernel.errors import ApiError
from config.kernel.names import camelized
from sessions.field import joins, parties, selectors
from sessions.field.models import FieldSession
from sessions.field.states import OPEN, SessionState

TOPIC, ONE = "sessions", "session"
SNAPSHOT_ROWS = 200


def _topic(session_id) -> str:
    return f"{ONE}:{session_id}"


def changed(session: FieldSession, was: str = "", *, went_dark: bool = False) -> None:
    """Publish a session as it is now. Last in its transaction, topics in alphabetical order: their counters are the last locks.

    `went_dark`: its light was on and is off by this."""
    from sessions.field.serializers import OpenSessionShape, SessionShape

    shape = SessionShape.show(session)
    own = ("session", session.pk)
    realtime.publish(_topic(session.pk), "state", {"session": shape}, subject=own)
    if went_dark:
        _tell_tally(session)
    realtime.publish(TOPIC, "session.changed", shape, subject=own)
    if session.state == SessionState.REQUESTED:
        realtime.publish(TOPIC, "session.opened", OpenSessionShape.show(session), subject=("open_session", session.pk))
    elif was == SessionState.REQUESTED:
        realtime.publish(TOPIC, "session.closed", {"id": session.pk}, subject=("was_open_session", session.pk))


def tallies(sessions: list[FieldSession]) -> None:
    """Whether these sources are shown: first each its own topic, then the one of all."""
    from sessions.field.serializers import SessionShape

    ordered = sorted(sessions, key=lambda session: str(session.pk))
    for session in ordered:
        _tell_tally(session)
    for session in ordered:
        realtime.publish(TOPIC, "session.changed", SessionShape.show(session), subject=("session", session.pk))


def _tell_tally(session: FieldSession) -> None:
    data = {"session_id": session.pk, "tally": session.tally, "since": session.tally_since}
    realtime.publish(_topic(session.pk), "tally", data, subject=("session", session.pk))


def media(session: FieldSession, *, flowing: bool, since: datetime) -> None:
    """Media was lost, or flows again."""
    realtime.publish(_topic(session.pk), "media", {"flowing": flowing, "since": since}, subject=("session", session.pk))


def point(session_id, *, point, accuracy_meters: float | None, at: datetime) -> None:
    """Where its operator is now."""
    data = {"point": {"lat": point[0], "lng": point[1]}, "accuracy_meters": accuracy_meters, "at": at}
    realtime.publish(_topic(session_id), "point", data, subject=("session", session_id))


def challenge(session_id, data: dict) -> None:
    """A nonce for the operator's side alone."""
    realtime.publish(_topic(session_id), "challenge", data, subject=("session_operator", session_id))


# --- who may hear it -------------------------------------------------------------------------------------------------------------


def visible(actor: Actor, subjects: list) -> set:
    """Those pairs that the actor may hear of now; one query for each kind of subject."""
    wanted: dict[str, set] = {}
    for kind, pk in subjects:
        wanted.setdefault(kind, set()).add(pk)
    return {(kind, pk) for kind, ids in wanted.items() if kind in _READERS for pk in _READERS[kind](actor, ids)}


def _own(actor: Actor, ids: set) -> set:
    return set(ports.scoped(FieldSession.objects.filter(pk__in=ids), actor, Perm.SESSIONS_READ).values_list("pk", flat=True))


def _operator_side(actor: Actor, ids: set) -> set:
    held = parties.held_in(actor, Perm.SESSIONS_OPERATE)
    return set(FieldSession.objects.filter(pk__in=_own(actor, ids), operator_workspace__in=held).values_list("pk", flat=True))


def _open(actor: Actor, ids: set) -> set:
    condition = selectors.open_to(actor, Perm.SESSIONS_READ)
    rows = FieldSession.objects.filter(condition, pk__in=ids) if condition else FieldSession.objects.none()
    return set(selectors.covered(rows, selectors.suppliers_of(actor, Perm.SESSIONS_READ)).values_list("pk", flat=True))


def _was_open(actor: Actor, ids: set) -> set:
    condition = selectors.was_open_to(actor, Perm.SESSIONS_READ)
    return set(FieldSession.objects.filter(condition, pk__in=ids).values_list("pk", flat=True)) if condition else set()


_READERS = {"session": _own, "session_operator": _operator_side, "open_session": _open, "was_open_session": _was_open}


# --- snapshots -------------------------------------------------------------------------------------------------------------------


def snapshot(actor: Actor, argument: str | None) -> dict:
    """`{sessions, open}`: own ones that are not over, newest first, and open requests that their operators cover; ≤ 200 each."""
    from sessions.field.serializers import OpenSessionShape, SessionShape

    own = ports.scoped(selectors.sessions().filter(state__in=OPEN), actor, Perm.SESSIONS_READ)
    condition = selectors.open_to(actor, Perm.SESSIONS_READ)
    rows = selectors.sessions().filter(condition or Q(pk__in=()))
    around = selectors.covered(rows, selectors.suppliers_of(actor, Perm.SESSIONS_READ)) if condition else rows
    return {
        "sessions": SessionShape(own.order_by("-created_at")[:SNAPSHOT_ROWS], many=True).data,
        "open": OpenSessionShape(around.order_by("-created_at")[:SNAPSHOT_ROWS], many=True).data,
    }


def snapshot_of_one(actor: Actor, argument: str | None) -> dict:
    """`{session, meter, tally, lastPoint, media}`. ApiError not_found for whoever is no side of it."""
    from sessions.field.serializers import SessionShape

    session = _one(actor, argument)
    operator = session.operator
    at = operator.last_point_at if operator else None
    place = None
    if at is not None and session.assigned_at and at >= session.assigned_at:
        where = {"lat": operator.last_point_lat, "lng": operator.last_point_lng}
        place = {"point": where, "accuracy_meters": operator.last_accuracy_meters, "at": clock.wire(at)}
    live = session.state == SessionState.LIVE
    rest = {
        "meter": meter_of(session),
        "tally": {"tally": session.tally, "since": clock.wire(session.tally_since)},
        "last_point": place,
        "media": {"flowing": session.media_lost_at is None, "since": clock.wire(session.media_lost_at or session.started_at)} if live else None,
    }
    return {"session": SessionShape.show(session), **camelized(rest)}


def _one(actor: Actor, argument: str | None) -> FieldSession:
    try:
        pk = UUID(argument or "")
    except ValueError:
        raise ApiError("not_found") from None
    found = ports.scoped(selectors.sessions().filter(pk=pk), actor, Perm.SESSIONS_READ).first()
    if found is None:
        raise ApiError("not_found")
    return found


def meter_of(session: FieldSession, now: datetime | None = None) -> dict:
    """Seconds and amounts of a session: final, or as they are now while LIVE."""
    clean, failed, metered = session.clean_seconds, session.failed_seconds, session.metered_seconds
    gross, earned, fee = session.gross_micro, session.operator_micro, session.fee_micro
    if session.state == SessionState.LIVE:
        meter = joins.provisional_meter(session, now or clock.now())
        clean, failed, metered = meter.clean_seconds, meter.failed_seconds, meter.metered_seconds
        gross, earned, fee = joins.amounts(clean, session)
    return {
        "metered_seconds": metered, "clean_seconds": clean, "failed_seconds": failed, "charged_micro_usdc": str(gross),
        "operator_earned_micro_usdc": str(earned), "fee_micro_usdc": str(fee), "final": session.meter_final,
    }  # fmt: skip


# --- the tick --------------------------------------------------------------------------------------------------------------------

_ticks: dict[str, tuple[float, dict | None]] = {}
_ticks_lock = threading.Lock()
_FRESH_SECONDS = 0.9


def tick(actor: Actor, argument: str | None) -> dict | None:
    """The meter of a LIVE session, for one reader; computed once a second for all readers of this process. None: nothing to tell."""
    found = _tick_of(argument or "")
    return found if found is not None and visible(actor, [("session", UUID(argument))]) else None


def _tick_of(session_id: str) -> dict | None:
    with _ticks_lock:
        known = _ticks.get(session_id)
        if known and time.monotonic() - known[0] < _FRESH_SECONDS:
            return known[1]
        for old in [key for key, (at, _) in _ticks.items() if time.monotonic() - at > 60]:
            del _ticks[old]
    session = FieldSession.objects.filter(pk=session_id, state=SessionState.LIVE).first()
    told = camelized({"meter": meter_of(session), "at": clock.wire(clock.now())}) if session else None
    with _ticks_lock:
        _ticks[session_id] = (time.monotonic(), told)
    return told
