"""A month of a wallet: opening, sums by kind, closing. Entries are never changed, so neither is a month that is closed (05 §9)."""

from datetime import UTC, datetime, timedelta

from django.db.models import Count, Sum

from config.kernel import clock
from config.kernel.errors import ApiError
from config.kernel.names import FreeForm
from operators.workspaces.models import Workspace
from operators.workspaces.states import Environment
from sessions.settlement import selectors
from sessions.settlement.states import WalletEventKind

# A booking that began in the old month may still commit in the new one.
CLOSING = timedelta(minutes=5)


def month(year: int, number: int) -> tuple[datetime, datetime]:
    """[first instant, first instant of the next month), UTC."""
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    return datetime(year, number, 1, tzinfo=UTC), datetime(*following, 1, tzinfo=UTC)


def statement(workspace: Workspace, year: int, number: int, environment: str = "") -> dict:
    """Amounts are integers of µUSDC on the available balance: closing = opening + Σ sums. ApiError not_found for a month that has not begun."""
    start, end = month(year, number)
    now = clock.now()
    if start > now:
        raise ApiError("not_found")
    counted = {}
    if environment != Environment.TEST:
        rows = selectors.events().filter(workspace=workspace, created_at__gte=start, created_at__lt=end)
        counted = {kind: (int(total), count) for kind, total, count in rows.values_list("event").annotate(Sum("amount"), Count("pk")).order_by()}
    opening = 0 if environment == Environment.TEST else selectors.balance_before(workspace, start)
    sums = {kind: counted.get(kind, (0, 0)) for kind in WalletEventKind.values}
    return {
        "workspace_id": workspace.pk,
        "month": f"{year:04}-{number:02}",
        "from": start,
        "to": end,
        "closed": now >= end + CLOSING,
        "opening_micro_usdc": opening,
        "sums": FreeForm({kind: str(total) for kind, (total, _) in sums.items()}),
        "counts": FreeForm({kind: count for kind, (_, count) in sums.items()}),
        "closing_micro_usdc": opening + sum(total for total, _ in sums.values()),
    }
