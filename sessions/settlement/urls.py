"""Routes of money. Static paths come before `:id`."""

from django.urls import path

from sessions.settlement.api import SettlementViewSet
from sessions.settlement.disputes_api import DisputeViewSet
from sessions.settlement.wallet_api import WalletEventViewSet, WalletViewSet

urlpatterns = [
    path("settlements/<uuid:session_id>", SettlementViewSet.as_view({"get": "retrieve"})),
    path("settlements/<uuid:session_id>/actions", SettlementViewSet.as_view({"get": "actions"})),
    path("settlements/<uuid:session_id>/retry", SettlementViewSet.as_view({"post": "retry"})),
    path("sessions/<uuid:id>/dispute", DisputeViewSet.as_view({"get": "retrieve", "post": "create"})),
    path("sessions/<uuid:id>/dispute/reject", DisputeViewSet.as_view({"post": "reject"})),
    path("sessions/<uuid:id>/void", DisputeViewSet.as_view({"post": "void"})),
    path("wallet", WalletViewSet.as_view({"get": "wallet"})),
    path("wallet/events", WalletEventViewSet.as_view({"get": "list"})),
    path("wallet/events/facets", WalletEventViewSet.as_view({"get": "facets"})),
    path("wallet/events/export", WalletEventViewSet.as_view({"get": "export", "post": "export_selected"})),
    path("wallet/events/<uuid:id>", WalletEventViewSet.as_view({"get": "retrieve"})),
    path("wallet/earnings", WalletViewSet.as_view({"get": "earnings"})),
    path("wallet/earnings/export", WalletViewSet.as_view({"get": "export_earnings", "post": "export_selected_earnings"})),
    path("wallet/statements/<str:month>", WalletViewSet.as_view({"get": "statement"})),
    path("wallet/deposits", WalletViewSet.as_view({"post": "deposit"})),
    path("wallet/withdrawals", WalletViewSet.as_view({"post": "withdraw"})),
]
