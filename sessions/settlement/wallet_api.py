"""`/wallet…` (05 §9): balance, events, earnings, statements; deposits and withdrawals by the installation's roles."""

import re
from datetime import UTC, date, datetime, timedelta

from rest_framework.response import Response

from config.kernel import exports
from config.kernel.access import Perm, Route, ports
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError, FieldError
from config.kernel.exports import Money
from config.kernel.filters import Moment
from config.kernel.viewsets import ExportMixin, FacetsMixin, ListMixin, TallyViewSet
from sessions import verbs
from sessions.settlement import earnings, selectors, services
from sessions.settlement.filters import WalletEventFilters
from sessions.settlement.parties import environment_of, workspace_of
from sessions.settlement.serializers import BookingBody, EarningsShape, StatementShape, WalletEventShape, WalletShape
from sessions.settlement.statements import statement

_BOOKS = "accounting, no production command"
_GROUPS = ("day", "operator", "session")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


class WalletViewSet(TallyViewSet):
    """The pool of a workspace. `workspaceId` is needed only where several could be meant."""

    routes = {
        "wallet": Route(Perm.WALLET_READ, query=("workspaceId",)),
        "earnings": Route(Perm.WALLET_READ, query=("workspaceId", "from", "to", "groupBy", "environment")),
        "export_earnings": Route(Perm.WALLET_READ, query=("workspaceId", "from", "to", "environment", "format")),
        "export_selected_earnings": Route(Perm.WALLET_READ, query=("workspaceId", "environment", "format"), exempt="reads"),
        "statement": Route(Perm.WALLET_READ, query=("workspaceId",)),
        "deposit": Route(Perm.WALLET_ADJUST, exempt=_BOOKS, errors=("reference_used", "on_chain_only", "reference_not_found")),
        "withdraw": Route(Perm.WALLET_ADJUST, exempt=_BOOKS, errors=("insufficient_pool", "reference_used", "on_chain_only", "reference_not_found")),
    }
    serializer_class = WalletShape

    def _workspace(self, permission: Perm = Perm.WALLET_READ):
        return workspace_of(self.actor, self.request.GET.get("workspaceId"), permission)

    @extend_schema(responses={200: WalletShape})
    def wallet(self, request):
        return Response(self.shape(selectors.wallet(self._workspace(), self.actor.environment)))

    @extend_schema(responses={200: EarningsShape})
    def earnings(self, request):
        group = request.GET.get("groupBy", "day")
        if group not in _GROUPS:
            raise FieldError("groupBy", "invalid", f"groupBy must be one of {', '.join(_GROUPS)}.")
        workspace, environment = self._workspace(), self._environment()
        start, end = self._period()
        rows = earnings.sessions(workspace, start, end, environment)
        shown, totals = earnings.grouped(rows, group), earnings.totals(rows)
        truncated = len(shown) == earnings.ROWS and (group != "session" or totals["sessions"] > earnings.ROWS)
        data = {
            "workspace_id": workspace.pk, "environment": environment, "from": start, "to": end, "group_by": group, "rows": shown, "totals": totals,
            "truncated": truncated,
        }  # fmt: skip
        return Response(self.shape(data, EarningsShape))

    def export_earnings(self, request):
        workspace, environment, kind = self._workspace(), self._environment(), exports.format_of(request)
        start, end = self._period()
        rows = earnings.sessions(workspace, start, end, environment)
        details = {"from": start.isoformat(), "to": end.isoformat(), "environment": environment, "rows": rows.count()}
        return self._earnings_file(workspace, rows.iterator(chunk_size=500), details, kind)

    @extend_schema(request=exports.ExportBody, responses={200: bytes})
    def export_selected_earnings(self, request):
        """The rows of these sessions, in this order, whenever they ended. One that earned the workspace nothing: 404 for all."""
        workspace, environment, kind = self._workspace(), self._environment(), exports.format_of(request)
        ids = self.body(exports.ExportBody)["ids"]
        rows = exports.in_order(earnings.metered(workspace, environment), ids)
        details = {"ids": [str(pk) for pk in ids][:50], "environment": environment, "rows": len(ids)}
        return self._earnings_file(workspace, rows, details, kind)

    def _earnings_file(self, workspace, rows, details: dict, kind: str):
        subject = ("workspace", workspace.pk, workspace.slug)
        ports.record(
            verbs.EARNINGS_EXPORTED, actor=self.actor, outcome="allowed", subject=subject, permission=self.route.permission, details=details
        )  # fmt: skip
        return exports.respond(self.request, rows, earnings.COLUMNS, name="earnings", kind=kind)

    def _environment(self) -> str:
        return environment_of(self.actor, self.request.GET.get("environment"))

    def _period(self) -> tuple[datetime, datetime]:
        start, end = self._instant("from", timedelta()), self._instant("to", timedelta(days=1))
        start, end = earnings.period(start, end)
        if end <= start:
            raise FieldError("to", "invalid", "to must lie behind from.")
        return start, end

    def _instant(self, name: str, whole_day: timedelta) -> datetime | None:
        """A date stands for its first instant as `from`, and for all of it as `to`; else a time with offset."""
        text = self.request.GET.get(name)
        if text is None:
            return None
        try:
            if _DAY.match(text):
                return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC) + whole_day
            return Moment(name).parse(text)
        except (ValueError, OverflowError) as error:
            raise FieldError(name, "invalid", f"{name} must be a date, or a time with offset like 2026-05-13T08:42:00Z.") from error

    @extend_schema(responses={200: StatementShape})
    def statement(self, request, month):
        workspace = self._workspace()
        if not re.fullmatch(r"2\d{3}-(0[1-9]|1[0-2])", month):
            raise ApiError("not_found")
        year, number = map(int, month.split("-"))
        return Response(self.shape(statement(workspace, year, number, self.actor.environment), StatementShape))

    @extend_schema(request=BookingBody, responses={201: WalletEventShape})
    def deposit(self, request):
        return self._booked(services.deposit)

    @extend_schema(request=BookingBody, responses={201: WalletEventShape})
    def withdraw(self, request):
        return self._booked(services.withdraw)

    def _booked(self, verb) -> Response:
        entry = verb(actor=self.actor, **self.body(BookingBody))
        return Response(self.shape(entry, WalletEventShape), status=201, headers={"Location": f"/api/v1/wallet/events/{entry.pk}"})


class WalletEventViewSet(ListMixin, FacetsMixin, ExportMixin, TallyViewSet):
    """Every change of the available balances in reach, newest first."""

    routes = {
        "list": Route(Perm.WALLET_READ),
        "facets": Route(Perm.WALLET_READ),
        "export": Route(Perm.WALLET_READ),
        "export_selected": Route(Perm.WALLET_READ, exempt="a download, no production command"),
        "retrieve": Route(Perm.WALLET_READ),
    }
    filters = WalletEventFilters
    serializer_class = WalletEventShape
    export_name = "wallet.event"
    export_columns = [
        ("id", lambda row: row.pk),
        ("created_at", lambda row: row.created_at),
        ("workspace_id", lambda row: row.workspace_id),
        ("kind", lambda row: row.event),
        ("amount_micro_usdc", lambda row: Money(row.amount)),
        ("balance_after_micro_usdc", lambda row: Money(row.balance_after)),
        ("session_id", lambda row: row.session_id),
        ("tx_hash", lambda row: row.transaction.tx_hash),
        ("reference", lambda row: row.transaction.reference),
    ]

    def get_queryset(self):
        return selectors.events(self.actor.environment)

    @extend_schema(responses={200: WalletEventShape})
    def retrieve(self, request, id):  # noqa: A002 - the path's name
        return Response(self.shape(self.get_object()))
