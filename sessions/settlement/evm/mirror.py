"""The books follow the chain: deposits, withdrawals and approvals from logs, settlements and refunds from receipts (05 §9)."""

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from config.kernel import clock
from config.kernel.access import system
from operators.workspaces.models import Workspace
from operators.workspaces.states import WorkspaceRole
from sessions.field.models import FieldSession
from sessions.field.states import SessionState
from sessions.settlement.evm.models import OPEN, ChainCursor, ChainLog, ChainTx, Purpose, TxState
from sessions.settlement.ledger import books
from sessions.settlement.ledger.books import Line
from sessions.settlement.models import Account, CreditNote, LedgerTransaction
from sessions.settlement.states import AccountKind, BookingKind, WalletEventKind

log = structlog.get_logger("settlement.evm")
CONFIRMATIONS = 3
REREAD_BLOCKS = 12
_KINDS = {"Deposited": BookingKind.DEPOSIT, "Withdrawn": BookingKind.WITHDRAWAL, "Approval": BookingKind.APPROVAL}


def cursor() -> ChainCursor:
    """How far this contract was read."""
    start = {"block_number": max(settings.EVM_START_BLOCK - 1, 0)}
    return ChainCursor.objects.get_or_create(chain_id=settings.EVM_CHAIN_ID, escrow=settings.EVM_ESCROW_ADDRESS, defaults=start)[0]


def forget_nonce(row: ChainTx) -> None:
    """Its row is to have another nonce, but the chain has counted this one: remember that it was ours. In the caller's transaction."""
    if row.nonce is None or row.sender != settings.EVM_RELAYER_ADDRESS:
        return
    here = ChainCursor.objects.select_for_update().get(pk=cursor().pk)
    here.nonce_floor = max(here.nonce_floor, row.nonce + 1)
    here.save(update_fields=["nonce_floor", "updated_at"])


def sync() -> dict:
    """Read what is three blocks deep, the last twelve read before once more; book each log once. Runs alone (`chain.confirm`)."""
    from sessions.settlement.evm.client import chain

    here, there = cursor(), chain()
    last = there.head() - CONFIRMATIONS
    if last <= here.block_number and not ChainLog.objects.filter(booking=None).exists():
        return {}
    first = max(min(here.block_number, last) - REREAD_BLOCKS + 1, settings.EVM_START_BLOCK)
    for row in there.logs(first, last) if last >= first else []:
        facts = {"event": row.event, "address": row.address, "amount": row.amount, "block_number": row.block_number, "created_at": clock.now()}
        ChainLog.objects.get_or_create(chain_id=there.chain_id, tx_hash=row.tx_hash, log_index=row.log_index, defaults=facts)
    booked = sum(_book(row) for row in ChainLog.objects.filter(chain_id=there.chain_id, booking=None).order_by("block_number", "created_at", "pk"))
    ChainCursor.objects.filter(pk=here.pk, block_number__lt=last).update(block_number=last, updated_at=clock.now())
    return {"booked": booked}


def wallet_of(address: str) -> Workspace | None:
    """Whose pool an address's tokens are: the oldest consumer's of that wallet, else the oldest workspace's."""
    mine = list(Workspace.objects.filter(wallet_address__iexact=address).order_by("created_at", "pk"))
    return next((one for one in mine if WorkspaceRole.CONSUMER in one.roles), mine[0] if mine else None)


def _book(row: ChainLog) -> bool:
    """Book one log; False while nobody has the wallet, or a withdrawal waits for holds that it beat."""
    workspace = wallet_of(row.address)
    if workspace is None:
        return False
    if row.event == "Withdrawn":
        _make_room(workspace, row.amount)
    with transaction.atomic():
        held = ChainLog.objects.select_for_update().get(pk=row.pk)
        if held.booking_id is not None:
            return False
        pool = books.available(workspace)
        if row.event == "Withdrawn" and Account.objects.select_for_update().get(pk=pool.pk).balance < row.amount:
            return False
        kind = _KINDS[row.event]
        amount = {"Deposited": row.amount, "Withdrawn": -row.amount, "Approval": 0}[row.event]
        reference = f"evm:{row.chain_id}:{row.tx_hash}:{row.log_index}"
        held.booking = books.move_in(kind=kind, workspace=workspace, amount=amount, reference=reference, tx_hash=row.tx_hash)
        held.save(update_fields=["booking"])
    return True


def _make_room(workspace: Workspace, amount: int) -> None:
    """A withdrawal was mined before holds that the chain has not confirmed: the newest of these sessions are called off until it fits."""
    from sessions.field import services

    unsure = FieldSession.objects.filter(
        consumer_workspace=workspace, state__in=[SessionState.REQUESTED, SessionState.ASSIGNED], chain_txs__purpose=Purpose.HOLD
    ).exclude(chain_txs__purpose=Purpose.HOLD, chain_txs__state=TxState.CONFIRMED)
    for pk in unsure.order_by("-created_at").values_list("pk", flat=True):
        if books.available(workspace).balance >= amount:
            return
        services.hold_failed(session_id=pk, actor=system("chain.confirm"))


def book_settled(session: FieldSession, *, operator_micro: int, fee_micro: int, tx_hash: str) -> LedgerTransaction:
    """What `settle` did: the operator's share came and left for its own wallet in one go, the fee for the recipient's."""
    gross = operator_micro + fee_micro
    consumer, operator = session.consumer_workspace, session.operator_workspace
    lines = [
        Line(books.held(consumer), -session.hold_micro),
        Line(books.available(consumer), session.hold_micro - gross, WalletEventKind.SETTLE),
        Line(books.available(operator), operator_micro, WalletEventKind.EARN),
        Line(books.available(operator), -operator_micro, WalletEventKind.WITHDRAWAL),
        Line(books.external(), gross),
    ]
    return books.post(kind=BookingKind.SETTLE, lines=lines, session=session, tx_hash=tx_hash)


def book_refunded(note: CreditNote, *, tx_hash: str) -> None:
    """What `refund` did."""
    takes = Line(books.available(note.session.consumer_workspace), note.gross_micro, WalletEventKind.CREDIT_NOTE)
    lines = [Line(books.external(), -note.gross_micro), takes]
    books.post(kind=BookingKind.CREDIT_NOTE, lines=lines, session=note.session, tx_hash=tx_hash)
    CreditNote.objects.filter(pk=note.pk).update(tx_hash=tx_hash, confirmed_at=clock.now())


def differences() -> list[dict]:
    """Wallets of which the contract has another amount than the books, as of the block that was read last; those with calls under way are left out."""
    from sessions.settlement.evm.client import chain

    here = cursor()
    busy = set(ChainTx.objects.filter(state__in=OPEN).values_list("session__consumer_workspace__wallet_address", flat=True))
    busy |= set(ChainLog.objects.filter(booking=None).values_list("address", flat=True))
    sums = (
        Account.objects.filter(kind__in=[AccountKind.AVAILABLE, AccountKind.HELD])
        .values_list("workspace__wallet_address")
        .annotate(total=Sum("balance"))
    )
    wrong = []
    try:
        for address, total in sums.order_by():
            if address not in busy and chain().deposits(address, here.block_number) != int(total):
                wrong.append(address)
    except Exception as error:  # noqa: BLE001 - a chain that does not answer is no difference
        log.warning("chain_not_checked", error=type(error).__name__)
        return []
    message = "The contract has another amount for a wallet than the books."
    return [{"rule": "chain", "message": message, "ids": sorted(wrong)[:50], "count": len(wrong)}] if wrong else []
