"""A consumer asks for live video from a place: priced, and its money held, in one transaction (05 §2, §8)."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from audit.services import snapshot
from config.kernel import clock
from config.kernel.access import Actor, Perm
from config.kernel.errors import ApiError
from config.kernel.ids import uuid7
from operators.workspaces.models import Workspace
from operators.workspaces.states import Environment
from sessions import verbs
from sessions.field import joins, live, transitions
from sessions.field.geography import Point
from sessions.field.models import FieldSession
from sessions.field.states import SessionEventType, SessionState


@transaction.atomic
def create(*, actor: Actor, workspace: Workspace, environment: str, wish: dict, quote_id: UUID | None = None) -> FieldSession:
    """`wish` are columns of the session. ApiError insufficient_pool, quote_expired, quote_used, quote_mismatch, rate_above_max, reference_not_found."""
    now = clock.now()
    wait = wish.get("wait_timeout_seconds") or wish["max_duration_seconds"]
    session = FieldSession(
        pk=uuid7(),
        environment=environment,
        consumer_workspace=workspace,
        created_by_label=actor.label[:254],
        deadline_at=now + timedelta(seconds=wait),
        quote_id=quote_id,
        **wish,
    )
    price = _price(session, workspace, quote_id, now)
    if session.max_rate_micro is not None and price.rate_micro > session.max_rate_micro:
        data = {"rate_per_second_micro_usdc": str(price.rate_micro), "max_rate_per_second_micro_usdc": str(session.max_rate_micro)}
        raise ApiError("rate_above_max", data=data)
    session.rate_micro, session.fee_bps = price.rate_micro, price.fee_bps
    session.hold_micro = price.rate_micro * session.max_duration_seconds if environment == Environment.LIVE else 0
    session.save(force_insert=True)
    # The deadline is measured from the row's own time.
    FieldSession.objects.filter(pk=session.pk).update(created_at=now)
    session.created_at = now
    joins.reserve(session)
    transitions.note(session, SessionEventType.REQUESTED, actor=actor, at=now, to_state=SessionState.REQUESTED)
    transitions.trail(verbs.SESSION_REQUESTED, session, actor=actor, permission=Perm.SESSIONS_CREATE, after=snapshot(session))
    live.changed(session)
    return session


def _price(session: FieldSession, workspace: Workspace, quote_id, now):
    if quote_id is not None:
        return joins.quote(quote_id=quote_id, workspace=workspace, session=session)
    return joins.price(point=Point(session.lat, session.lng), environment=session.environment, at=now)
