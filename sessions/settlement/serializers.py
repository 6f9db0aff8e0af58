"""Wire forms of money (05 §9, §10): amounts are whole µUSDC as decimal strings."""

from rest_framework import serializers

from config.kernel.access import Perm
from config.kernel.references import ScopedReference
from config.kernel.serializers import CleanCharField, FreeFormField, MicroField, ModelSerializer, Serializer, UtcDateTimeField, Whole
from sessions.settlement.models import CreditNote, Dispute, LedgerEntry
from sessions.settlement.states import FundedBy, SettlementState, WalletEventKind


def _micro(source: str, **kwargs) -> MicroField:
    return MicroField(source=source, read_only=True, **kwargs)


class ChainShape(Serializer):
    """The contract that holds the pool."""

    chain_id = serializers.IntegerField()
    escrow = serializers.CharField()
    token = serializers.CharField()


class WalletShape(Serializer):
    """The one pool of a workspace: what it may spend, and what is held for its sessions."""

    workspace_id = serializers.UUIDField()
    wallet_address = serializers.CharField()
    provider = serializers.CharField()
    available_micro_usdc = MicroField()
    held_micro_usdc = MicroField()
    total_micro_usdc = MicroField()
    chain = ChainShape(allow_null=True)
    last_sync_block = serializers.IntegerField(allow_null=True)
    updated_at = UtcDateTimeField()


class WalletEventShape(ModelSerializer):
    """One change of the available balance; `amountMicroUsdc` is signed."""

    kind = serializers.ChoiceField(WalletEventKind.choices, source="event", read_only=True)
    workspace_id = serializers.UUIDField(read_only=True)
    session_id = serializers.UUIDField(read_only=True, allow_null=True)
    amount_micro_usdc = _micro("amount")
    balance_after_micro_usdc = _micro("balance_after")
    tx_hash = serializers.SerializerMethodField()
    reference = serializers.SerializerMethodField()

    class Meta:
        model = LedgerEntry
        fields = [
            "id", "workspace_id", "kind", "amount_micro_usdc", "balance_after_micro_usdc", "session_id", "tx_hash", "reference", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_tx_hash(self, row) -> str | None:
        return row.transaction.tx_hash or None

    def get_reference(self, row) -> str | None:
        return row.transaction.reference


class BookingBody(Serializer):
    """A deposit or a withdrawal; a reference is booked once."""

    workspace_id = ScopedReference("workspace", Perm.WALLET_ADJUST, source="workspace")
    amount_micro_usdc = MicroField(positive=True, source="amount_micro")
    reference = CleanCharField(min_length=1, max_length=120)


class EarningsRow(Serializer):
    """Sums of one day, operator or session; which of the first fields it has says what it is."""

    date = serializers.DateField(required=False)
    session_id = serializers.UUIDField(required=False)
    ended_at = UtcDateTimeField(required=False)
    operator_id = serializers.UUIDField(required=False)
    operator_label = serializers.CharField(required=False)
    settlement_state = serializers.CharField(required=False)
    sessions = serializers.IntegerField()
    metered_seconds = serializers.IntegerField()
    clean_seconds = serializers.IntegerField()
    failed_seconds = serializers.IntegerField()
    gross_micro_usdc = MicroField()
    fee_micro_usdc = MicroField()
    earned_micro_usdc = MicroField()
    credited_micro_usdc = MicroField()
    net_micro_usdc = MicroField()
    unsettled_micro_usdc = MicroField()


class EarningsTotals(EarningsRow):
    """The same over everything."""

    def get_fields(self):
        row = super().get_fields()
        return {name: field for name, field in row.items() if field.required}


class EarningsShape(Serializer):
    """What a supplier earned in [from, to). `truncated`: more rows than these; the totals count all."""

    workspace_id = serializers.UUIDField()
    environment = serializers.CharField()
    group_by = serializers.CharField()
    rows = EarningsRow(many=True)
    totals = EarningsTotals()
    truncated = serializers.BooleanField()

    def get_fields(self):
        # `from` is no name in Python.
        fields = {"from": UtcDateTimeField(), "to": UtcDateTimeField()}
        return fields | super().get_fields()


class StatementShape(Serializer):
    """A month of the available balance: closing = opening + Σ sums. A closed month never changes."""

    workspace_id = serializers.UUIDField()
    month = serializers.CharField()
    closed = serializers.BooleanField()
    opening_micro_usdc = MicroField()
    closing_micro_usdc = MicroField()
    sums = FreeFormField()
    counts = FreeFormField()

    def get_fields(self):
        fields = {"from": UtcDateTimeField(), "to": UtcDateTimeField()}
        return fields | super().get_fields()


class CreditNoteShape(ModelSerializer):
    """What the consumer got back. `confirmedAt`: when the money had moved."""

    session_id = serializers.UUIDField(read_only=True)
    gross_micro_usdc = _micro("gross_micro")
    operator_micro_usdc = _micro("operator_micro")
    fee_micro_usdc = _micro("fee_micro")
    tx_hash = serializers.SerializerMethodField()

    class Meta:
        model = CreditNote
        fields = [
            "id", "session_id", "seconds", "gross_micro_usdc", "operator_micro_usdc", "fee_micro_usdc", "funded_by", "reason", "tx_hash",
            "created_at", "confirmed_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_tx_hash(self, row) -> str | None:
        return row.tx_hash or None


class SettlementShape(Serializer):
    """How far the money of a session is; NOT_READY before it is over. `txHash` from SUBMITTED on, where a chain settles."""

    session_id = serializers.UUIDField()
    state = serializers.ChoiceField(SettlementState.choices)
    gross_micro_usdc = MicroField()
    operator_micro_usdc = MicroField()
    fee_micro_usdc = MicroField()
    tx_hash = serializers.CharField(required=False)
    confirmed_at = UtcDateTimeField(required=False)
    failure = serializers.CharField(required=False)
    credit_note = CreditNoteShape(required=False)


class DisputeShape(ModelSerializer):
    """A consumer's objection, and what became of it."""

    session_id = serializers.UUIDField(read_only=True)
    answer = serializers.SerializerMethodField()

    class Meta:
        model = Dispute
        fields = ["id", "session_id", "state", "reason", "answer", "created_at", "closed_at"]
        read_only_fields = fields

    def get_answer(self, row) -> str | None:
        return row.answer or None


def _reason() -> CleanCharField:
    return CleanCharField(min_length=10, max_length=2000, multiline=True)


class DisputeBody(Serializer):
    """What is wrong with the bill."""

    reason = _reason()


class RejectBody(Serializer):
    """Why the bill stands."""

    reason = CleanCharField(min_length=1, max_length=2000, multiline=True)


class VoidBody(Serializer):
    """How many of the billed seconds are given back (all unless said), why, and who pays."""

    reason = CleanCharField(min_length=1, max_length=2000, multiline=True)
    seconds = Whole(min_value=1, max_value=86400, required=False)
    funded_by = serializers.ChoiceField(FundedBy.choices, required=False)
