"""What settlement says to the rest of the session: its history with the webhooks, the audit of both sides, the open pages."""

from datetime import datetime

from config.kernel.access import Actor, Perm, system
from sessions.field import transitions
from sessions.field.models import FieldSession
from sessions.field.states import SessionEventType
from sessions.settlement.models import Settlement
from sessions.settlement.states import SettlementState

_EVENTS = {SettlementState.CONFIRMED: SessionEventType.SETTLEMENT_CONFIRMED, SettlementState.FAILED: SessionEventType.SETTLEMENT_FAILED}


def trail(verb: str, session: FieldSession, *, actor: Actor, permission: Perm, **facts) -> None:
    """One audit row, in reach of both sides."""
    transitions.trail(verb, session, actor=actor, permission=permission, **facts)


def tell(session: FieldSession, kind: SessionEventType, *, actor: Actor, at: datetime, data: dict, publish: bool = True) -> None:
    """Append to the history, tell the webhooks and, last in the transaction, the pages. The session's row is locked."""
    from sessions.field import live

    transitions.note(session, kind, actor=actor, at=at, data=data)
    if publish:
        live.changed(session)


def tell_settled(settlement: Settlement, *, session: FieldSession, actor: Actor | None = None, publish: bool = True) -> None:
    """Say that a settlement was confirmed or failed; nothing for other states. Behind `session.ended` in the history."""
    kind = _EVENTS.get(settlement.state)
    if kind is None:
        return
    at = settlement.confirmed_at or settlement.updated_at
    data = {
        "settlement": {
            "state": settlement.state, "gross_micro_usdc": str(settlement.gross_micro), "operator_micro_usdc": str(settlement.operator_micro),
            "fee_micro_usdc": str(settlement.fee_micro), "tx_hash": settlement.tx_hash or None,
        }
    }  # fmt: skip
    tell(session, kind, actor=actor or system("settlement"), at=at, data=data, publish=publish)
