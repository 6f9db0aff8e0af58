"""What a supplier earned: its sessions that are over and metered, by UTC day of their end, by operator, or one by one (05 §9)."""

from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, TruncDate

from config.kernel import clock
from config.kernel.exports import Money
from operators.workspaces.models import Workspace
from operators.workspaces.states import Environment
from sessions.field.models import FieldSession, Micro
from sessions.settlement.models import CreditNote
from sessions.settlement.states import FundedBy, SettlementState

DEFAULT_DAYS = 30
# Nothing was earned before; and no period can begin before time does.
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
ROWS = 1000


def period(start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    """[start, end): the last 30 UTC days, today among them, unless said."""
    end = end or midnight(clock.now().astimezone(UTC).date() + timedelta(days=1))
    return start or max(end, _EARLIEST) - timedelta(days=DEFAULT_DAYS), end


def midnight(day: date) -> datetime:
    """The first instant of a UTC day."""
    return datetime.combine(day, time(), UTC)


def sessions(workspace: Workspace, start: datetime, end: datetime, environment: str = Environment.LIVE) -> QuerySet[FieldSession]:
    """What `workspace` served and was metered for and ended in [start, end)."""
    return metered(workspace, environment).filter(ended_at__gte=start, ended_at__lt=end)


def metered(workspace: Workspace, environment: str = Environment.LIVE) -> QuerySet[FieldSession]:
    """All that `workspace` served and was metered for, by end; with `earned`, `credited` and `net`."""
    note = CreditNote.objects.filter(session=OuterRef("pk"), funded_by=FundedBy.OPERATOR)
    return (
        FieldSession.objects.filter(operator_workspace=workspace, environment=environment, started_at__isnull=False, meter_final=True)
        .select_related("operator", "settlement")
        .annotate(
            day=TruncDate("ended_at", tzinfo=UTC),
            earned=F("operator_micro"),
            credited=Coalesce(Subquery(note.values("operator_micro")[:1], output_field=Micro()), Value(0), output_field=Micro()),
        )
        .order_by("ended_at", "pk")
    )


_CONFIRMED = Q(settlement__state__in=[SettlementState.CONFIRMED, SettlementState.NONE])
_SUMS = {
    "sessions": Count("pk"),
    "metered_seconds": Coalesce(Sum("metered_seconds"), 0),
    "clean_seconds": Coalesce(Sum("clean_seconds"), 0),
    "failed_seconds": Coalesce(Sum("failed_seconds"), 0),
    "gross": Sum("gross_micro"),
    "fee": Sum("fee_micro"),
    "earned_sum": Sum("operator_micro"),
    "credited_sum": Sum("credited"),
    "unsettled": Sum(Case(When(_CONFIRMED, then=Value(0)), default=F("operator_micro"), output_field=Micro())),
}


def grouped(rows: QuerySet[FieldSession], by: str) -> list[dict]:
    """At most 1000 rows of `day`, `operator` or `session`, in their order."""
    if by == "session":
        return [_of_session(row) for row in rows[:ROWS]]
    keys = {"day": ("day",), "operator": ("operator_id", "operator__label")}[by]
    found = rows.order_by().values(*keys).annotate(**_SUMS).order_by(*reversed(keys))[:ROWS]
    return [_head(row) | _amounts(row) for row in found]


def totals(rows: QuerySet[FieldSession]) -> dict:
    """Of all rows, however many are shown."""
    return _amounts(rows.order_by().aggregate(**_SUMS))


def _head(row: dict) -> dict:
    if "day" in row:
        return {"date": row["day"].isoformat()}
    return {"operator_id": row["operator_id"], "operator_label": row["operator__label"]}


def _of_session(row: FieldSession) -> dict:
    money = {
        "sessions": 1, "metered_seconds": row.metered_seconds, "clean_seconds": row.clean_seconds, "failed_seconds": row.failed_seconds,
        "gross": row.gross_micro, "fee": row.fee_micro, "earned_sum": row.operator_micro, "credited_sum": row.credited,
        "unsettled": 0 if state_of(row) in {SettlementState.CONFIRMED, SettlementState.NONE} else row.operator_micro,
    }  # fmt: skip
    head = {
        "session_id": row.pk, "date": row.day.isoformat(), "ended_at": row.ended_at, "operator_id": row.operator_id,
        "operator_label": row.operator.label, "settlement_state": state_of(row),
    }  # fmt: skip
    return head | _amounts(money)


def _amounts(row: dict) -> dict:
    earned, credited = int(row["earned_sum"] or 0), int(row["credited_sum"] or 0)
    return {
        "sessions": row["sessions"],
        "metered_seconds": row["metered_seconds"],
        "clean_seconds": row["clean_seconds"],
        "failed_seconds": row["failed_seconds"],
        "gross_micro_usdc": int(row["gross"] or 0),
        "fee_micro_usdc": int(row["fee"] or 0),
        "earned_micro_usdc": earned,
        "credited_micro_usdc": credited,
        "net_micro_usdc": earned - credited,
        "unsettled_micro_usdc": int(row["unsettled"] or 0),
    }


def state_of(row: FieldSession) -> str:
    """The state of its settlement; NOT_READY where it has none."""
    settlement = getattr(row, "settlement", None)
    return settlement.state if settlement else SettlementState.NOT_READY.value


def _tx_hash(row: FieldSession) -> str:
    return getattr(row, "settlement", None) and row.settlement.tx_hash or ""


# The CSV of `/wallet/earnings/export`; amounts in µUSDC.
COLUMNS = [
    ("date", lambda row: row.day.isoformat()),
    ("session_id", lambda row: row.pk),
    ("operator_id", lambda row: row.operator_id),
    ("operator_label", lambda row: row.operator.label),
    ("mode", lambda row: row.mode),
    ("started_at", lambda row: row.started_at),
    ("ended_at", lambda row: row.ended_at),
    ("metered_seconds", lambda row: row.metered_seconds),
    ("clean_seconds", lambda row: row.clean_seconds),
    ("failed_seconds", lambda row: row.failed_seconds),
    ("rate", lambda row: Money(row.rate_micro)),
    ("gross", lambda row: Money(row.gross_micro)),
    ("fee_bps", lambda row: row.fee_bps),
    ("fee", lambda row: Money(row.fee_micro)),
    ("earned", lambda row: Money(row.operator_micro)),
    ("credited", lambda row: Money(row.credited)),
    ("net", lambda row: Money(row.operator_micro - row.credited)),
    ("settlement_state", state_of),
    ("tx_hash", _tx_hash),
]
