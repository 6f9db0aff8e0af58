"""The books in the admin: to look at. What is booked is never changed; money by hand goes through the API, with its reference."""

from django.contrib import admin

from config.kernel.access import Perm
from config.kernel.admin import ReadOnlyInline, TallyAdmin
from sessions.settlement.evm.models import ChainLog, ChainTx
from sessions.settlement.models import Account, CreditNote, Dispute, LedgerEntry, LedgerTransaction, Settlement


@admin.register(Account)
class AccountAdmin(TallyAdmin):
    view_permission = Perm.WALLET_READ
    list_display = ["workspace", "kind", "balance", "entries", "updated_at"]
    list_filter = ["kind"]
    search_fields = ["workspace__slug"]
    list_select_related = ["workspace"]


class EntryInline(ReadOnlyInline):
    model = LedgerEntry
    view_permission = Perm.WALLET_READ
    fields = ["account", "amount", "balance_after", "event", "number"]


@admin.register(LedgerTransaction)
class LedgerTransactionAdmin(TallyAdmin):
    view_permission = Perm.WALLET_READ
    list_display = ["created_at", "kind", "session", "reference", "tx_hash", "actor_label"]
    list_filter = ["kind"]
    search_fields = ["reference", "tx_hash"]
    list_select_related = ["session"]
    inlines = [EntryInline]


@admin.register(LedgerEntry)
class LedgerEntryAdmin(TallyAdmin):
    view_permission = Perm.WALLET_READ
    list_display = ["created_at", "workspace", "account", "amount", "balance_after", "event", "session"]
    list_filter = ["event"]
    search_fields = ["workspace__slug", "transaction__reference"]
    list_select_related = ["workspace", "account", "session"]


@admin.register(Settlement)
class SettlementAdmin(TallyAdmin):
    view_permission = Perm.WALLET_READ
    list_display = ["session", "state", "provider", "gross_micro", "operator_micro", "fee_micro", "tx_hash", "confirmed_at", "failure"]
    list_filter = ["state", "provider"]
    search_fields = ["tx_hash"]
    list_select_related = ["session"]


@admin.register(Dispute)
class DisputeAdmin(TallyAdmin):
    view_permission = Perm.SETTLEMENT_VOID
    list_display = ["session", "state", "opened_by_label", "created_at", "closed_by_label", "closed_at"]
    list_filter = ["state"]
    list_select_related = ["session"]


@admin.register(CreditNote)
class CreditNoteAdmin(TallyAdmin):
    view_permission = Perm.WALLET_READ
    list_display = ["session", "seconds", "gross_micro", "operator_micro", "fee_micro", "funded_by", "issued_by_label", "created_at", "confirmed_at"]
    list_filter = ["funded_by"]
    list_select_related = ["session"]


@admin.register(ChainTx)
class ChainTxAdmin(TallyAdmin):
    """Calls of the contract. The signed bytes are shown nowhere: whoever has them can send them."""

    view_permission = Perm.WALLET_READ
    list_display = ["created_at", "purpose", "session", "state", "nonce", "tx_hash", "block_number", "error"]
    list_filter = ["state", "purpose"]
    search_fields = ["tx_hash"]
    list_select_related = ["session"]
    exclude = ["raw"]


@admin.register(ChainLog)
class ChainLogAdmin(TallyAdmin):
    view_permission = Perm.WALLET_READ
    list_display = ["created_at", "event", "address", "amount", "tx_hash", "block_number", "booking"]
    list_filter = ["event"]
    search_fields = ["tx_hash", "address"]
    list_select_related = ["booking"]
