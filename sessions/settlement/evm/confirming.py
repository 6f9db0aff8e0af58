"""What was sent becomes true when it is three blocks deep, and is taken back while it is not (05 §9)."""

from django.db import transaction

from config.kernel import clock
from config.kernel.access import system
from sessions.field.locking import locked
from sessions.settlement import joins
from sessions.settlement.evm import mirror
from sessions.settlement.evm.mirror import CONFIRMATIONS
from sessions.settlement.evm.models import IN_FLIGHT, OPEN, ChainTx, Purpose, TxState
from sessions.settlement.models import CreditNote, Settlement
from sessions.settlement.states import UNDER_WAY, SettlementState

ACTOR = "chain.confirm"


def confirm() -> dict:
    """Look for the receipts of what is under way; counts for the log."""
    from sessions.settlement.evm.client import chain

    there = chain()
    head, counts = there.head(), {"confirmed": 0, "reverted": 0, "vanished": 0}
    for row in ChainTx.objects.filter(chain_id=there.chain_id, state__in=IN_FLIGHT).order_by("nonce"):
        found = next((receipt for tx_hash in reversed(row.hashes) if (receipt := there.receipt(tx_hash))), None)
        if found is None:
            # A reorganisation of blocks took it: it is under way again, and the relayer sends it again.
            counts["vanished"] += ChainTx.objects.filter(pk=row.pk, block_number__isnull=False).update(block_number=None)
            continue
        ChainTx.objects.filter(pk=row.pk).update(block_number=found.block_number, tx_hash=found.tx_hash, state=TxState.SUBMITTED)
        if head - found.block_number < CONFIRMATIONS:
            continue
        if found.succeeded:
            counts["confirmed"] += confirmed(row.pk, found.tx_hash)
        else:
            counts["reverted"] += reverted(row.pk, "The contract reverted the transaction.")
    return counts


def _end(pk, state: TxState, **facts) -> ChainTx | None:
    """Move a call to its end; None if somebody else did. The session's row is locked first."""
    row = ChainTx.objects.get(pk=pk)
    row.session = locked(row.session_id)
    if not ChainTx.objects.filter(pk=pk, state__in=OPEN).update(state=state, ended_at=clock.now(), **facts):
        return None
    return row


@transaction.atomic
def confirmed(pk, tx_hash: str) -> bool:
    """It is on the chain for good: book what it did."""
    row = _end(pk, TxState.CONFIRMED, tx_hash=tx_hash)
    if row is None:
        return False
    if row.purpose == Purpose.SETTLE:
        _settled(row, tx_hash)
    elif row.purpose == Purpose.REFUND:
        mirror.book_refunded(CreditNote.objects.select_related("session__consumer_workspace").get(session=row.session), tx_hash=tx_hash)
    return True


def _settled(row: ChainTx, tx_hash: str) -> None:
    settlement = Settlement.objects.select_for_update(of=("self",)).get(session=row.session)
    if settlement.state not in UNDER_WAY:
        return
    mirror.book_settled(row.session, operator_micro=int(row.args["toAmount"]), fee_micro=int(row.args["feeAmount"]), tx_hash=tx_hash)
    settlement.state, settlement.tx_hash, settlement.confirmed_at = SettlementState.CONFIRMED, tx_hash, clock.now()
    settlement.submitted_at = settlement.submitted_at or settlement.confirmed_at
    settlement.revision += 1
    settlement.save()
    joins.tell_settled(settlement, session=row.session, actor=system(ACTOR))


@transaction.atomic
def reverted(pk, why: str) -> bool:
    """The contract refused it: a hold calls its session off, a settlement is FAILED and can be tried again. A refund is owed all the same: it
    waits until the relayer finds that it would go through."""
    from sessions.field import services

    row = _end(pk, TxState.REVERTED, error=why[:300])
    if row is None:
        return False
    if row.purpose == Purpose.HOLD:
        services.hold_failed(session_id=row.session_id, actor=system(ACTOR))
    elif row.purpose == Purpose.SETTLE:
        settlement = Settlement.objects.select_for_update(of=("self",)).get(session=row.session)
        if settlement.state in UNDER_WAY:
            settlement.state, settlement.failure = SettlementState.FAILED, why[:300]
            settlement.revision += 1
            settlement.save()
            joins.tell_settled(settlement, session=row.session, actor=system(ACTOR))
    elif row.purpose == Purpose.REFUND:
        queue_again(row, error=why[:300])
    return True


@transaction.atomic
def queue_again(row: ChainTx, error: str = "") -> None:
    """A reverted call waits to be sent once more, as if it never was: the receipt of the old try must not end the new one."""
    mirror.forget_nonce(row)
    blank = {"nonce": None, "raw": "", "hashes": [], "tx_hash": "", "block_number": None, "signed_at": None, "ended_at": None}
    ChainTx.objects.filter(pk=row.pk, state=TxState.REVERTED).update(state=TxState.QUEUED, error=error, **blank)
