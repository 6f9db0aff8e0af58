"""What there is of money, for `scoped` to narrow: wallets, their events, settlements, disputes, credit notes."""

from datetime import datetime

from django.db.models import Max, QuerySet, Sum

from operators.workspaces.models import Workspace
from operators.workspaces.states import Environment
from sessions.field.models import FieldSession
from sessions.settlement import provider
from sessions.settlement.models import Account, CreditNote, LedgerEntry
from sessions.settlement.states import AccountKind


def events(environment: str = "") -> QuerySet[LedgerEntry]:
    """Changes of available balances, with their bookings. Money is LIVE only: the TEST world has none."""
    rows = LedgerEntry.objects.exclude(event="").select_related("transaction")
    return rows.none() if environment == Environment.TEST else rows


def sessions() -> QuerySet[FieldSession]:
    """All, with their settlement and credit note."""
    return FieldSession.objects.select_related("settlement", "credit_note")


def wallet(workspace: Workspace, environment: str = "") -> dict:
    """A workspace's pool as the API shows it (amounts are integers)."""
    in_force = provider.current()
    rows = Account.objects.filter(workspace=workspace)
    if environment == Environment.TEST:
        rows = rows.none()
    found = dict(rows.values_list("kind", "balance"))
    free, bound = found.get(AccountKind.AVAILABLE, 0), found.get(AccountKind.HELD, 0)
    return {
        "workspace_id": workspace.pk,
        "wallet_address": workspace.wallet_address,
        "provider": in_force.name,
        "available_micro_usdc": free,
        "held_micro_usdc": bound,
        "total_micro_usdc": free + bound,
        "chain": in_force.chain(),
        "last_sync_block": in_force.last_sync_block(),
        "updated_at": rows.aggregate(at=Max("updated_at"))["at"] or workspace.created_at,
    }


def balance_before(workspace: Workspace, at: datetime) -> int:
    """The available balance when `at` began."""
    return _sum(events().filter(workspace=workspace, created_at__lt=at))


def _sum(rows: QuerySet[LedgerEntry]) -> int:
    return int(rows.aggregate(total=Sum("amount"))["total"] or 0)


def credit_note(session: FieldSession) -> CreditNote | None:
    """The session's credit note, if it has one."""
    return CreditNote.objects.filter(session=session).first()
