"""Money by hand: booking what came in and went out, and trying a failed settlement again. Each change is recorded in its transaction."""

from django.db import transaction

from config.kernel.access import Actor, Perm, ports
from config.kernel.errors import ApiError
from operators.workspaces.models import Workspace
from sessions import verbs
from sessions.field.locking import locked
from sessions.settlement import provider
from sessions.settlement.ledger import books
from sessions.settlement.models import LedgerEntry, Settlement
from sessions.settlement.states import BookingKind, SettlementState


def deposit(*, actor: Actor, workspace: Workspace, amount_micro: int, reference: str) -> LedgerEntry:
    """Book what a workspace paid in. ApiError on_chain_only, reference_used."""
    return _booked(actor, verbs.DEPOSIT_BOOKED, BookingKind.DEPOSIT, workspace, amount_micro, reference)


def withdraw(*, actor: Actor, workspace: Workspace, amount_micro: int, reference: str) -> LedgerEntry:
    """Book what was paid out to a workspace. ApiError on_chain_only, reference_used, insufficient_pool."""
    return _booked(actor, verbs.WITHDRAWAL_BOOKED, BookingKind.WITHDRAWAL, workspace, -amount_micro, reference)


@transaction.atomic
def _booked(actor: Actor, verb: str, kind: BookingKind, workspace: Workspace, amount: int, reference: str) -> LedgerEntry:
    if provider.current().on_chain:
        raise ApiError("on_chain_only")
    booking = books.move_in(kind=kind, workspace=workspace, amount=amount, reference=reference, actor=actor)
    entry = booking.entries.select_related("transaction").exclude(event="").get()
    facts = {
        "amount_micro_usdc": str(amount),
        "balance_micro_usdc": str(entry.balance_after),
        "reference": reference,
        "transaction_id": str(booking.pk),
    }
    ports.record(
        verb, actor=actor, subject=("workspace", workspace.pk, workspace.slug), outcome="succeeded", permission=Perm.WALLET_ADJUST, details=facts
    )  # fmt: skip
    return entry


@transaction.atomic
def retry(*, actor: Actor, session_id) -> Settlement:
    """Try a FAILED settlement again. ApiError invalid_state `{state, allowed}`."""
    session = locked(session_id)
    settlement = Settlement.objects.select_for_update(of=("self",)).filter(session=session).first()
    state = settlement.state if settlement else SettlementState.NOT_READY
    if code := retry_refusal(state):
        raise ApiError(code, data={"state": state, "allowed": [SettlementState.FAILED.value]})
    provider.named(settlement.provider).retry(settlement)
    ports.record(
        verbs.SETTLEMENT_RETRIED, actor=actor, subject=("session", session.pk, str(session)), outcome="succeeded", permission=Perm.WALLET_ADJUST,
        correlation={"session_id": session.pk}, environment=session.environment,
    )  # fmt: skip
    return settlement


def retry_refusal(state: str) -> str | None:
    """Why a settlement in this state can't be tried again."""
    return None if state == SettlementState.FAILED else "invalid_state"
