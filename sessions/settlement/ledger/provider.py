"""The default way of settling: this installation's own books. Everything is true when the transaction commits (05 §9)."""

from config.kernel import clock
from config.kernel.access import Actor
from operators.workspaces.states import Environment
from sessions.field.models import FieldSession
from sessions.metering.split import Split
from sessions.settlement.ledger import books
from sessions.settlement.ledger.books import Line
from sessions.settlement.models import CreditNote, Settlement
from sessions.settlement.provider import SettlementProvider, conclude
from sessions.settlement.states import BookingKind, FundedBy, SettlementState, WalletEventKind


class LedgerProvider(SettlementProvider):
    """`reserve`, `release` and `settle` are bookings in the caller's transaction."""

    name = "ledger"

    def reserve(self, session: FieldSession) -> None:
        if session.environment == Environment.LIVE and session.hold_micro:
            books.hold(session)

    def release(self, session: FieldSession) -> None:
        if books.open_hold(session.pk):
            books.release(session)
        conclude(session, state=SettlementState.NONE, provider=self.name)

    def settle(self, session: FieldSession, split: Split) -> Settlement:
        found = Settlement.objects.filter(session=session).first()
        if found is not None:
            return found
        if session.environment == Environment.TEST or not split.gross:
            if books.open_hold(session.pk):
                books.release(session)
            return conclude(session, split, state=SettlementState.NONE, provider=self.name)
        consumer, operator = session.consumer_workspace, session.operator_workspace
        lines = [
            Line(books.held(consumer), -session.hold_micro),
            Line(books.available(consumer), session.hold_micro - split.gross, WalletEventKind.SETTLE),
            Line(books.available(operator), split.operator, WalletEventKind.EARN),
            Line(books.fees(), split.fee),
        ]
        books.post(kind=BookingKind.SETTLE, lines=lines, session=session)
        return conclude(session, split, state=SettlementState.CONFIRMED, provider=self.name)

    def credit(self, note: CreditNote, *, actor: Actor) -> None:
        session = note.session
        gives = [Line(books.fees(), -note.gross_micro)]
        if note.funded_by == FundedBy.OPERATOR:
            gives = [
                Line(books.available(session.operator_workspace), -note.operator_micro, WalletEventKind.CREDIT_NOTE),
                Line(books.fees(), -note.fee_micro),
            ]
        takes = Line(books.available(session.consumer_workspace), note.gross_micro, WalletEventKind.CREDIT_NOTE)
        books.post(kind=BookingKind.CREDIT_NOTE, lines=[*gives, takes], session=session, actor=actor)
        note.confirmed_at = clock.now()
        note.save(update_fields=["confirmed_at"])
