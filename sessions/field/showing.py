"""What opens a session's media is shown to one who may have it; each time is in the audit (10, sensitive reads)."""

from django.db import transaction

from config.kernel.access import Actor, Perm
from sessions import verbs
from sessions.field import joins, transitions
from sessions.field.models import FieldSession
from sessions.field.starting import demand_started


def publish_access(*, actor: Actor, session: FieldSession):
    """How the operator's side publishes. ApiError invalid_state, not_started."""
    demand_started("producer_token", session)
    opened = joins.publish_access(session)
    _shown(verbs.PUBLISH_URL_SHOWN, session, actor, Perm.SESSIONS_OPERATE)
    return opened


def viewer_access(*, actor: Actor, session: FieldSession, workspace):
    """A new viewer's way in, for `workspace` (None: the installation). ApiError invalid_state, not_started, concurrency_limit_reached."""
    demand_started("viewer_token", session)
    with transaction.atomic():
        seen = joins.viewer_access(session, workspace)
        _shown(verbs.VIEWER_URL_SHOWN, session, actor, Perm.SESSIONS_READ)
    return seen


def _shown(verb: str, session: FieldSession, actor: Actor, permission: Perm) -> None:
    transitions.trail(verb, session, actor=actor, permission=permission, outcome="allowed")
