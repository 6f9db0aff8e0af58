"""What can be done to a session now, and why not, by whoever asks: the same questions as the routes ask."""

from collections.abc import Callable

from config.kernel import clock
from config.kernel.access import Actor, Perm, holds, ports
from config.kernel.error_codes import CODES
from config.kernel.errors import ApiError, FieldError
from operators.workspaces.models import Workspace
from operators.workspaces.states import WorkspaceRole
from sessions.field import joins, parties, selectors, services, states
from sessions.field.models import FieldSession
from sessions.field.states import SessionState, Side

_BOTH = (Side.CONSUMER, Side.OPERATOR, Side.INSTALLATION)
_CANCELLING = (Side.CONSUMER, Side.INSTALLATION)
# The installation's accounting: name → rest of the path
_BOOKS = {"rejectDispute": "/dispute/reject", "void": "/void"}
# What higher apps can do with a session (recordings record it): `of(actor, session)` → {name: its entry}.
further: list[Callable[[Actor, FieldSession], dict[str, dict]]] = []
# name → method, rest of the path, call, sides; None: whoever reads it
_CALLS = {
    "candidates": ("GET", "/candidates", "candidates", (Side.CONSUMER,)),
    "dispatch": ("POST", "/dispatch", "dispatch", (Side.CONSUMER,)),
    "accept": ("POST", "/accept", "accept", (Side.OPERATOR,)),
    "start": ("POST", "/start", "start", (Side.OPERATOR,)),
    "producerToken": ("GET", "/producer-token", "producer_token", (Side.OPERATOR,)),
    "viewerToken": ("GET", "/viewer-token", "viewer_token", None),
    "telemetry": ("POST", "/telemetry", "telemetry", (Side.OPERATOR,)),
    "provenance": ("POST", "/provenance", "provenance", (Side.OPERATOR,)),
    "frame": ("GET", "/frame", "frame", None),
    "end": ("POST", "/end", "end", _BOTH),
    "cancel": ("DELETE", "", "cancel", _BOTH),
    "dispute": ("POST", "/dispute", "dispute", (Side.CONSUMER,)),
}


def of(actor: Actor, session: FieldSession) -> dict:
    """The body of `GET /sessions/:id/actions`."""
    overdue = session.state in (SessionState.REQUESTED, SessionState.ASSIGNED) and clock.now() >= session.deadline_at
    standing, started = parties.sides(actor, session), joins.media_started(session)
    money = joins.dispute_refusals(session)
    made = {}
    for name, (method, tail, call, sides) in _CALLS.items():
        permission, code = _who(actor, session, cancelling(session) if name == "cancel" else sides, standing)
        if name == "accept":
            suppliers, code = _serving(actor, session)
        if name == "dispute":
            code = code or money["dispute"]
        elif name == "frame":
            code = None if session.state == SessionState.LIVE and started and session.media_lost_at is None else "frame_not_available"
        elif code is None and (overdue or not states.allows(call, session.state)):
            code = "invalid_state"
        elif code is None and name == "accept":
            code = _nobody_free(suppliers, session)
        if code is None and name in {"producerToken", "viewerToken"} and not started:
            code = "not_started"
        made[name] = _told(session, method, tail, permission, code)
    allowed = ports.decide(actor, Perm.SETTLEMENT_VOID, session).allowed
    for name, tail in _BOOKS.items():
        made[name] = _told(session, "POST", tail, Perm.SETTLEMENT_VOID, money[name] if allowed else "permission_denied")
    for more in further:
        made |= more(actor, session)
    return {"actions": made}


def _told(session: FieldSession, method: str, tail: str, permission: Perm, code: str | None) -> dict:
    shown = {"enabled": code is None, "method": method, "href": f"/api/v1/sessions/{session.pk}{tail}", "permission": permission.value}
    return shown | ({"code": code, "reason": CODES[code].message} if code else {})


def _serving(actor: Actor, session: FieldSession) -> tuple[list[Workspace], str | None]:
    """The suppliers for which the actor could accept (which of several is theirs to say), or why for none."""
    if not holds(actor, Perm.SESSIONS_OPERATE):
        return [], "permission_denied"
    try:
        parties.demand_role(actor, Perm.SESSIONS_OPERATE, WorkspaceRole.SUPPLIER)
        return [parties.serving_workspace(actor, session, None)], None
    except ApiError as error:
        return [], error.code
    except FieldError:
        return selectors.suppliers_of(actor, Perm.SESSIONS_OPERATE), None


def _nobody_free(suppliers: list[Workspace], session: FieldSession) -> str | None:
    """Why none of them has an operator who is there to be assigned."""
    codes = [services.fleet_refusal(workspace, session) for workspace in suppliers]
    return None if None in codes else next(iter(codes), "operator_side_required")


def cancelling(session: FieldSession) -> tuple[Side, ...]:
    """Who may call it off: a request is its consumer's alone."""
    return _CANCELLING if session.state == SessionState.REQUESTED else _BOTH


def _who(actor: Actor, session: FieldSession, sides: tuple[Side, ...] | None, standing: set[Side]) -> tuple[Perm, str | None]:
    """The permission that counts here, and what a caller without the right would hear."""
    if sides is None:
        return Perm.SESSIONS_READ, None
    try:
        side = parties.standing_on(actor, session, sides, standing)
    except ApiError as error:
        return parties.NEEDED[sides[0]], error.code
    return parties.NEEDED.get(side, parties.NEEDED[sides[0]]), None
