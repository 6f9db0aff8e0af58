"""The only writer of `FieldSession.state`: an UPDATE with the states it may leave in its WHERE, its history and its audit row beside it."""

from datetime import datetime

from django.db.models import F, Q

from audit.services import snapshot
from config.kernel import clock
from config.kernel.access import Actor, Perm, ports
from config.kernel.errors import ApiError
from config.kernel.names import camelized
from sessions import verbs
from sessions.field import joins, states
from sessions.field.models import FieldSession, SessionEvent
from sessions.field.states import MOVES, SessionEventType

_EVENTS = {
    "assign": (SessionEventType.ASSIGNED, verbs.SESSION_ASSIGNED),
    "go_live": (SessionEventType.LIVE, verbs.SESSION_LIVE),
    "cancel": (SessionEventType.CANCELLED, verbs.SESSION_CANCELLED),
    "deadline": (SessionEventType.EXPIRED, verbs.SESSION_EXPIRED),
    "end": (SessionEventType.ENDED, verbs.SESSION_ENDED),
    "max_duration": (SessionEventType.EXPIRED, verbs.SESSION_EXPIRED),
}


def refused(call: str, session: FieldSession) -> ApiError:
    """409 for a call that the session's state forbids."""
    return ApiError("invalid_state", data=states.refusal(call, session.state))


def move(session: FieldSession, event: str, *, guard: Q | None = None, **changes) -> bool:
    """Move a session whose row is locked and set `changes`; False, and nothing written, if `event` does not apply or the time guard says no."""
    sources, to = MOVES[event]
    rows = FieldSession.objects.filter(guard or Q(), pk=session.pk, state__in=sources)
    if not rows.update(state=to, revision=F("revision") + 1, updated_at=clock.now(), **changes):
        return False
    reload(session)
    return True


def change(session: FieldSession, **changes) -> None:
    """Set columns other than the state."""
    FieldSession.objects.filter(pk=session.pk).update(revision=F("revision") + 1, updated_at=clock.now(), **changes)
    reload(session)


def reload(session: FieldSession) -> None:
    """Read the columns again, with the operator and the workspaces as they are now."""
    session.refresh_from_db()


def tell(event: str, session: FieldSession, *, actor: Actor, permission: Perm, at: datetime, before: dict, from_state: str, **details) -> None:
    """History, webhooks and audit of a move that was made."""
    kind, verb = _EVENTS[event]
    note(session, kind, actor=actor, at=at, from_state=from_state, to_state=session.state, data=camelized(details))
    trail(verb, session, actor=actor, permission=permission, before=before, after=snapshot(session), details=details or None)


def trail(verb: str, session: FieldSession, *, actor: Actor, permission: Perm | None, outcome: str = "succeeded", **facts) -> None:
    """One audit row about a session, in reach of both sides."""
    sides = dict.fromkeys(pk for pk in (session.consumer_workspace_id, session.operator_workspace_id) if pk)
    ports.record(
        verb,
        actor=actor,
        subject=("session", session.pk, str(session)),
        outcome=outcome,
        permission=permission,
        environment=session.environment,
        correlation={"session_id": session.pk},
        scope=[f"workspace:{pk}" for pk in sides],
        **facts,
    )


def note(session: FieldSession, kind: str, *, actor: Actor, at: datetime, data: dict | None = None, from_state: str = "", to_state: str = "") -> int:
    """Append to the history under the next number, and tell webhooks under the same one. The session's row is locked; returns the number.

    For siblings, too: `note(session, SessionEventType.SETTLEMENT_CONFIRMED, actor=…, at=…, data={…})`.
    """
    from sessions.field.serializers import SessionShape

    FieldSession.objects.filter(pk=session.pk).update(event_sequence=F("event_sequence") + 1)
    session.event_sequence = FieldSession.objects.values_list("event_sequence", flat=True).get(pk=session.pk)
    SessionEvent.objects.create(
        session=session, sequence=session.event_sequence, type=kind, from_state=from_state, to_state=to_state, at=at,
        actor_kind=str(actor.kind), actor_id=actor.id or "", actor_label=actor.label[:254], data=data or {},
    )  # fmt: skip
    # The session's own shape is in its wire form already, and its metadata's keys are the client's.
    shape = {"session": SessionShape.show(session), **camelized(data or {})}
    joins.emit(str(kind), session, data=shape, sequence=session.event_sequence)
    return session.event_sequence
