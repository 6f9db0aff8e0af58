"""Filters and sorts of wallet events."""

from config.kernel.filters import Choice, FilterSet, Moment, Uuid
from sessions.settlement.states import WalletEventKind


class WalletEventFilters(FilterSet):
    """By wallet, kind, session and time; search in references."""

    workspace_id = Uuid("workspace_id")
    kind = Choice("event", choices=WalletEventKind)
    session_id = Uuid("session_id")
    created_from = Moment("created_at__gte")
    created_to = Moment("created_at__lt")
    search_fields = ("transaction__reference", "transaction__tx_hash")
    sorts = {"createdAt": "created_at"}
    default_sort = "-createdAt"
    facet_fields = {"kind": "event"}
