"""The one writer of the books: a booking with its entries, balances moved under the accounts' locks, in the order of their ids (01).

    post(kind=BookingKind.HOLD, session=session, lines=[Line(available, -hold, WalletEventKind.HOLD), Line(held, hold)])

Amounts are integers of µUSDC. What would make an available balance negative is refused before anything is written; every other rule (sum
zero, no negative balance, one hold, one outcome, one reference) is the database's.
"""

from collections.abc import Sequence
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import F

from config.kernel import clock
from config.kernel.access import Actor
from config.kernel.errors import ApiError
from operators.workspaces.models import Workspace
from sessions.field.models import FieldSession
from sessions.settlement.models import Account, LedgerEntry, LedgerTransaction
from sessions.settlement.states import AccountKind, BookingKind, WalletEventKind


class Line(NamedTuple):
    """A change of one account; `event` is what the wallet calls it."""

    account: Account
    amount: int
    event: str = ""


def account(kind: AccountKind, workspace: Workspace | None = None) -> Account:
    """The account, made when it is first needed. Its balance may be stale: `post` reads it under the lock."""
    found = Account.objects.filter(kind=kind, workspace=workspace).first()
    if found is None:
        # Whoever makes it at the same time makes the same one.
        Account.objects.bulk_create([Account(kind=kind, workspace=workspace)], ignore_conflicts=True)
        found = Account.objects.get(kind=kind, workspace=workspace)
    return found


def available(workspace: Workspace) -> Account:
    return account(AccountKind.AVAILABLE, workspace)


def held(workspace: Workspace) -> Account:
    return account(AccountKind.HELD, workspace)


def fees() -> Account:
    return account(AccountKind.FEES)


def external() -> Account:
    return account(AccountKind.EXTERNAL)


@transaction.atomic
def post(
    *,
    kind: BookingKind,
    lines: Sequence[Line],
    session: FieldSession | None = None,
    reference: str | None = None,
    tx_hash: str = "",
    actor: Actor | None = None,
) -> LedgerTransaction:
    """Book it. ApiError insufficient_pool `{requiredMicroUsdc, availableMicroUsdc}`, reference_used; IntegrityError for a second hold or outcome."""
    accounts = _locked(lines)
    now = clock.now()
    booking = LedgerTransaction(
        kind=kind, session=session, reference=reference, tx_hash=tx_hash, actor_label=actor.label[:254] if actor else "", created_at=now
    )
    _demand_funds(accounts, lines)
    _insert(booking)
    for line in lines:
        row = accounts[line.account.pk]
        row.balance += line.amount
        row.entries += 1
        LedgerEntry.objects.create(
            transaction=booking, account=row, number=row.entries, amount=line.amount, balance_after=row.balance, event=line.event,
            workspace_id=row.workspace_id, session=session, created_at=now,
        )  # fmt: skip
    for row in accounts.values():
        moved = sum(line.amount for line in lines if line.account.pk == row.pk)
        count = sum(1 for line in lines if line.account.pk == row.pk)
        Account.objects.filter(pk=row.pk).update(balance=F("balance") + moved, entries=F("entries") + count, updated_at=now)
    return booking


def _locked(lines: Sequence[Line]) -> dict:
    ids = {line.account.pk for line in lines}
    return {row.pk: row for row in Account.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk")}


def _demand_funds(accounts: dict, lines: Sequence[Line]) -> None:
    """Walks the lines in their order, so that what a line brings may be spent by the next. A held balance too low is a defect: left to the database."""
    balances = {pk: row.balance for pk, row in accounts.items()}
    for line in lines:
        before = balances[line.account.pk]
        balances[line.account.pk] = before + line.amount
        row = accounts[line.account.pk]
        if line.amount < 0 and before + line.amount < 0 and row.kind in {AccountKind.AVAILABLE, AccountKind.FEES}:
            raise ApiError("insufficient_pool", data={"required_micro_usdc": str(-line.amount), "available_micro_usdc": str(before)})


def _insert(booking: LedgerTransaction) -> None:
    if booking.reference is None:
        booking.save(force_insert=True)
        return
    try:
        with transaction.atomic():
            booking.save(force_insert=True)
    except IntegrityError as error:
        if LedgerTransaction.objects.filter(reference=booking.reference).exists():
            raise ApiError("reference_used") from error
        raise


def move_in(
    *, kind: BookingKind, workspace: Workspace, amount: int, reference: str, actor: Actor | None = None, tx_hash: str = ""
) -> LedgerTransaction:
    """A deposit (`amount` > 0) or withdrawal (< 0) of a workspace's pool, against `external`."""
    lines = [Line(available(workspace), amount, WalletEventKind(kind.value)), Line(external(), -amount)]
    return post(kind=kind, lines=lines, reference=reference, tx_hash=tx_hash, actor=actor)


def hold(session: FieldSession, *, actor: Actor | None = None) -> LedgerTransaction:
    """available → held."""
    workspace, amount = session.consumer_workspace, session.hold_micro
    lines = [Line(available(workspace), -amount, WalletEventKind.HOLD), Line(held(workspace), amount)]
    return post(kind=BookingKind.HOLD, lines=lines, session=session, actor=actor)


def release(session: FieldSession, *, actor: Actor | None = None, tx_hash: str = "") -> LedgerTransaction:
    """held → available."""
    workspace, amount = session.consumer_workspace, session.hold_micro
    lines = [Line(held(workspace), -amount), Line(available(workspace), amount, WalletEventKind.RELEASE)]
    return post(kind=BookingKind.RELEASE, lines=lines, session=session, tx_hash=tx_hash, actor=actor)


def open_hold(session_id) -> bool:
    """Whether the session's money is held: booked, and neither settled nor released."""
    kinds = set(LedgerTransaction.objects.filter(session_id=session_id).values_list("kind", flat=True))
    return BookingKind.HOLD in kinds and not kinds & {BookingKind.SETTLE, BookingKind.RELEASE}
