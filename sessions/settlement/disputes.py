"""A consumer objects to a bill, and gets back what should not have been on it (05 §10). Bills stay; what is given back is a booking of its own."""

from datetime import timedelta

from django.db import transaction

from audit.services import snapshot
from config.kernel import clock
from config.kernel.access import Actor, Perm
from config.kernel.errors import ApiError, FieldError
from sessions import verbs
from sessions.field.locking import locked
from sessions.field.models import FieldSession
from sessions.field.states import TERMINAL, SessionEventType
from sessions.settlement import joins, provider
from sessions.settlement.crediting import credited
from sessions.settlement.models import CreditNote, Dispute, Settlement
from sessions.settlement.states import DisputeState, FundedBy, SettlementState

WINDOW = timedelta(days=7)


def _charged(session: FieldSession) -> Settlement | None:
    """The settlement that money was, or will be, paid by."""
    settlement = Settlement.objects.filter(session=session).first()
    return settlement if settlement and settlement.state != SettlementState.NONE else None


def _window_is_over(session: FieldSession) -> bool:
    return clock.now() > session.ended_at + WINDOW


def dispute_refusal(session: FieldSession) -> str | None:
    """Why this session can't be disputed now; `/actions` asks, too."""
    if session.state not in TERMINAL or _charged(session) is None:
        return "invalid_state"
    if Dispute.objects.filter(session=session).exists():
        return "dispute_exists"
    return "dispute_window_closed" if _window_is_over(session) else None


def reject_refusal(session: FieldSession) -> str | None:
    """Why there is nothing to reject."""
    return None if _open_dispute(session) else "no_open_dispute"


def void_refusal(session: FieldSession) -> str | None:
    """Why nothing of this bill can be given back now."""
    charged = _charged(session) if session.state in TERMINAL else None
    if charged is None:
        return "invalid_state"
    if CreditNote.objects.filter(session=session).exists():
        return "already_credited"
    if _window_is_over(session) and _open_dispute(session) is None:
        return "dispute_window_closed"
    return None if charged.state == SettlementState.CONFIRMED else "settlement_not_confirmed"


def _open_dispute(session: FieldSession) -> Dispute | None:
    return Dispute.objects.filter(session=session, state=DisputeState.OPEN).first()


def of(session: FieldSession) -> Dispute:
    """The session's dispute. ApiError not_found."""
    found = Dispute.objects.filter(session=session).first()
    if found is None:
        raise ApiError("not_found")
    return found


def _demand(code: str | None, session: FieldSession) -> None:
    if code == "invalid_state":
        raise ApiError(code, data={"state": session.state, "allowed": sorted(state.value for state in TERMINAL)})
    if code == "settlement_not_confirmed":
        raise ApiError(code, headers={"Retry-After": "5"})
    if code:
        raise ApiError(code)


@transaction.atomic
def open_dispute(*, actor: Actor, session_id, reason: str) -> Dispute:
    """ApiError invalid_state (not over, or nothing charged), dispute_exists, dispute_window_closed."""
    session = locked(session_id)
    _demand(dispute_refusal(session), session)
    dispute = Dispute.objects.create(session=session, reason=reason, opened_by_label=actor.label[:254])
    joins.trail(verbs.DISPUTE_OPENED, session, actor=actor, permission=Perm.SESSIONS_CREATE, after=snapshot(dispute))
    data = {"dispute": {"id": str(dispute.pk), "reason": reason}}
    joins.tell(session, SessionEventType.DISPUTE_OPENED, actor=actor, at=clock.now(), data=data)
    return dispute


@transaction.atomic
def reject(*, actor: Actor, session_id, reason: str) -> Dispute:
    """The bill stands. ApiError no_open_dispute."""
    session = locked(session_id)
    _demand(reject_refusal(session), session)
    dispute = _close(_open_dispute(session), DisputeState.REJECTED, reason, actor)
    data = {"dispute": {"id": str(dispute.pk), "state": dispute.state, "answer": reason}}
    joins.tell(session, SessionEventType.DISPUTE_CLOSED, actor=actor, at=dispute.closed_at, data=data)
    return dispute


def _close(dispute: Dispute, state: DisputeState, answer: str, actor: Actor) -> Dispute:
    before = snapshot(dispute)
    dispute.state, dispute.answer, dispute.closed_by_label, dispute.closed_at = state, answer, actor.label[:254], clock.now()
    dispute.revision += 1
    dispute.save()
    verb = verbs.DISPUTE_REJECTED if state == DisputeState.REJECTED else verbs.DISPUTE_UPHELD
    joins.trail(verb, dispute.session, actor=actor, permission=Perm.SETTLEMENT_VOID, before=before, after=snapshot(dispute))
    return dispute


@transaction.atomic
def void(*, actor: Actor, session_id, reason: str, seconds: int | None = None, funded_by: str | None = None) -> CreditNote:
    """Give back `seconds` of the bill, all unless said; an open dispute is upheld by it.

    ApiError invalid_state, already_credited, dispute_window_closed, settlement_not_confirmed, insufficient_pool; FieldError seconds, fundedBy.
    """
    session = locked(session_id)
    if seconds is not None and session.meter_final and not 1 <= seconds <= session.clean_seconds:
        raise FieldError("seconds", "out_of_range", f"1 to {session.clean_seconds}, the billed seconds of this session.")
    _demand(void_refusal(session), session)
    seconds = session.clean_seconds if seconds is None else seconds
    in_force = provider.named(_charged(session).provider)
    if in_force.on_chain and funded_by == FundedBy.OPERATOR:
        raise FieldError("fundedBy", "invalid", "What was paid out on the chain can't be taken back: only the platform can fund this.")
    funded_by = funded_by or (FundedBy.PLATFORM if in_force.on_chain else FundedBy.OPERATOR)
    share = credited(session.clean_seconds, seconds, session.rate_micro, session.fee_bps)
    now = clock.now()
    note = CreditNote.objects.create(
        session=session, seconds=seconds, gross_micro=share.gross, operator_micro=share.operator, fee_micro=share.fee, funded_by=funded_by,
        reason=reason, issued_by_label=actor.label[:254], created_at=now,
    )  # fmt: skip
    in_force.credit(note, actor=actor)
    joins.trail(verbs.CREDIT_NOTE_ISSUED, session, actor=actor, permission=Perm.SETTLEMENT_VOID, after=snapshot(note))
    if dispute := _open_dispute(session):
        _close(dispute, DisputeState.UPHELD, reason, actor)
        closed = {"dispute": {"id": str(dispute.pk), "state": dispute.state, "answer": reason}}
        joins.tell(session, SessionEventType.DISPUTE_CLOSED, actor=actor, at=now, data=closed, publish=False)
    joins.tell(session, SessionEventType.CREDIT_NOTE_ISSUED, actor=actor, at=now, data={"credit_note": _told(note)})
    return note


def _told(note: CreditNote) -> dict:
    """What the history and webhooks say of a note."""
    return {
        "id": str(note.pk), "seconds": note.seconds, "gross_micro_usdc": str(note.gross_micro), "operator_micro_usdc": str(note.operator_micro),
        "fee_micro_usdc": str(note.fee_micro), "funded_by": note.funded_by, "reason": note.reason,
    }  # fmt: skip
