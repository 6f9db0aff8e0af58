"""What can be done to a session now, and why not, by whoever asks: the same questions as the routes ask."""

from config.kernel import clock
from config.kernel.access import Actor, Perm
from config.kernel.error_codes import CODES
from config.kernel.errors import ApiError
from sessions.field import joins, parties, states
from sessions.field.models import FieldSession
from sessions.field.states import SessionState, Side

_BOTH = (Side.CONSUMER, Side.OPERATOR, Side.INSTALLATION)
_ASKING = (Side.CONSUMER, Side.INSTALLATION)
# name → method, rest of the path, call, sides; None: whoever reads it
_CALLS = {
    "dispatch": ("POST", "/dispatch", "dispatch", _ASKING),
    "accept": ("POST", "/accept", "accept", (Side.OPERATOR, Side.INSTALLATION)),
    "start": ("POST", "/start", "start", (Side.OPERATOR,)),
    "producerToken": ("GET", "/producer-token", "producer_token", (Side.OPERATOR,)),
    "viewerToken": ("GET", "/viewer-token", "viewer_token", None),
    "telemetry": ("POST", "/telemetry", "telemetry", (Side.OPERATOR,)),
    "provenance": ("POST", "/provenance", "provenance", (Side.OPERATOR,)),
    "end": ("POST", "/end", "end", _BOTH),
    "cancel": ("DELETE", "", "cancel", _BOTH),
}


def of(actor: Actor, session: FieldSession) -> dict:
    """The body of `GET /sessions/:id/actions`."""
    overdue = session.state in (SessionState.REQUESTED, SessionState.ASSIGNED) and clock.now() >= session.deadline_at
    standing, started = parties.sides(actor, session), joins.media_started(session)
    made = {}
    for name, (method, tail, call, sides) in _CALLS.items():
        if name == "cancel":
            sides = cancelling(session)
        permission, code = _who(actor, session, sides, standing)
        if code is None and (overdue or not states.allows(call, session.state)):
            code = "invalid_state"
        if code is None and name in {"producerToken", "viewerToken"} and not started:
            code = "not_started"
        made[name] = {"enabled": code is None, "method": method, "href": f"/api/v1/sessions/{session.pk}{tail}", "permission": permission.value}
        if code:
            made[name] |= {"code": code, "reason": CODES[code].message}
    return {"actions": made}


def cancelling(session: FieldSession) -> tuple[Side, ...]:
    """Who may call it off: a request is its consumer's alone."""
    return _ASKING if session.state == SessionState.REQUESTED else _BOTH


def _who(actor: Actor, session: FieldSession, sides: tuple[Side, ...] | None, standing: set[Side]) -> tuple[Perm, str | None]:
    """The permission that counts here, and what a caller without the right would hear."""
    if sides is None:
        return Perm.SESSIONS_READ, None
    try:
        side = parties.standing_on(actor, session, sides, standing)
    except ApiError as error:
        return parties.NEEDED[sides[0]], error.code
    return parties.NEEDED.get(side, parties.NEEDED[sides[0]]), None
