"""Settling on a chain: the books are its mirror, and calls of the contract wait in an outbox that commits with the session's move (05 §9)."""

from datetime import timedelta

from django.conf import settings

from config.kernel import clock, loops
from config.kernel.access import Actor
from operators.workspaces.states import Environment
from sessions.field.models import FieldSession
from sessions.metering.split import Split
from sessions.settlement.evm import confirming, mirror
from sessions.settlement.evm.models import ChainCursor, ChainTx, Purpose, TxState
from sessions.settlement.ledger import books
from sessions.settlement.models import CreditNote, Settlement
from sessions.settlement.provider import SettlementProvider, conclude
from sessions.settlement.states import SettlementState

# How long after its longest end a hold can be released by anyone.
GRACE = timedelta(hours=24)


def queue(session: FieldSession, purpose: Purpose, **args) -> ChainTx:
    """Into the outbox; one call of each purpose for a session."""
    loops.wake("chain.relay")
    facts = {"chain_id": settings.EVM_CHAIN_ID, "sender": settings.EVM_RELAYER_ADDRESS, "args": args, "created_at": clock.now()}
    return ChainTx.objects.get_or_create(session=session, purpose=purpose, defaults=facts)[0]


class EvmProvider(SettlementProvider):
    """`Escrow.vy` holds and pays; nothing here talks to the chain but `sync`, `check` and what the loops do."""

    name = "evm"
    on_chain = True

    def reserve(self, session: FieldSession) -> None:
        if session.environment != Environment.LIVE or not session.hold_micro:
            return
        books.hold(session)
        over = session.deadline_at + timedelta(seconds=session.max_duration_seconds) + GRACE
        payer = session.consumer_workspace.wallet_address
        queue(session, Purpose.HOLD, payer=payer, amount=str(session.hold_micro), expiresAt=str(int(over.timestamp())))

    def hold_ready(self, session: FieldSession) -> bool:
        if session.environment != Environment.LIVE or not session.hold_micro:
            return True
        return ChainTx.objects.filter(session=session, purpose=Purpose.HOLD, state=TxState.CONFIRMED).exists()

    def release(self, session: FieldSession) -> None:
        self._give_back(session)
        conclude(session, state=SettlementState.NONE, provider=self.name)

    def _give_back(self, session: FieldSession) -> None:
        """The mirror at once: whatever is queued later has a higher nonce, so the chain comes to the same."""
        if not books.open_hold(session.pk):
            return
        books.release(session)
        never_sent = ChainTx.objects.filter(session=session, purpose=Purpose.HOLD, state=TxState.QUEUED).delete()[0]
        failed = ChainTx.objects.filter(session=session, purpose=Purpose.HOLD, state=TxState.REVERTED).exists()
        if not never_sent and not failed:
            queue(session, Purpose.RELEASE)

    def settle(self, session: FieldSession, split: Split) -> Settlement:
        if session.environment == Environment.TEST or not split.gross:
            self._give_back(session)
            return conclude(session, split, state=SettlementState.NONE, provider=self.name)
        payee = session.operator_workspace.wallet_address
        queue(session, Purpose.SETTLE, payee=payee, toAmount=str(split.operator), feeAmount=str(split.fee))
        return conclude(session, split, state=SettlementState.PENDING, provider=self.name)

    def credit(self, note: CreditNote, *, actor: Actor) -> None:
        queue(note.session, Purpose.REFUND, amount=str(note.gross_micro))

    def retry(self, settlement: Settlement) -> None:
        refused = ChainTx.objects.filter(session=settlement.session, purpose=Purpose.SETTLE, state=TxState.REVERTED).first()
        if refused is not None:
            confirming.queue_again(refused)
        settlement.state, settlement.failure = SettlementState.PENDING, ""
        settlement.tx_hash, settlement.submitted_at = "", None
        settlement.revision += 1
        settlement.save()
        loops.wake("chain.relay")

    def sync(self) -> dict:
        return mirror.sync()

    def check(self) -> list[dict]:
        return mirror.differences()

    def chain(self) -> dict | None:
        return {"chain_id": settings.EVM_CHAIN_ID, "escrow": settings.EVM_ESCROW_ADDRESS, "token": settings.EVM_TOKEN_ADDRESS}

    def last_sync_block(self) -> int | None:
        here = ChainCursor.objects.filter(chain_id=settings.EVM_CHAIN_ID, escrow=settings.EVM_ESCROW_ADDRESS)
        return here.values_list("block_number", flat=True).first()
