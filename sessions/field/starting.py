"""The operator starts: a media input is minted, its URLs go to the operator alone (05 §3). A repeat returns the same URLs."""

from django.db import transaction

from config.kernel import clock
from config.kernel.access import Actor, Perm
from config.kernel.errors import ApiError
from sessions import verbs
from sessions.field import joins, live, transitions
from sessions.field.devices.services import seen
from sessions.field.ending import is_over
from sessions.field.locking import locked
from sessions.field.models import FieldSession
from sessions.field.states import allows


def start(*, actor: Actor, session_id, provenance: dict | None = None):
    """(session, the opened input). ApiError invalid_state, start_in_progress, hold_pending, position_not_admitted, provider_*.

    Not inside a transaction: the provider is asked in between, and what it made must be known even if the answer is lost.
    """
    now = clock.now()
    with transaction.atomic():
        session = locked(session_id)
        if not allows("start", session.state) or now >= session.deadline_at:
            raise transitions.refused("start", session)
        joins.demand_hold(session)
        joins.demand_position(session)
        started_before = joins.media_started(session)
        if provenance:
            joins.declare_provenance(session, provenance)
    opened = joins.open_input(session)
    with transaction.atomic():
        session = locked(session_id)
        seen(session.operator_id, at=now)
        if started_before:
            # Only the URLs are told again.
            transitions.trail(verbs.PUBLISH_URL_SHOWN, session, actor=actor, permission=Perm.SESSIONS_OPERATE, outcome="allowed")
        else:
            transitions.trail(verbs.SESSION_STARTED, session, actor=actor, permission=Perm.SESSIONS_OPERATE)
            live.changed(session)
    return session, opened


def demand_started(call: str, session: FieldSession) -> None:
    """ApiError invalid_state, not_started: for tokens, which exist while the input does. Time binds here too, not only by the task."""
    if not allows(call, session.state) or is_over(session, clock.now()):
        raise transitions.refused(call, session)
    if not joins.media_started(session):
        raise ApiError("not_started")
