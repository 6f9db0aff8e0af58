"""Wire form of the meter."""

from rest_framework import serializers

from config.kernel.serializers import FreeFormField, Serializer, UtcDateTimeField
from sessions.field.serializers import MicroField, TrustShape


class IntervalShape(Serializer):
    """A stretch that is not billed."""

    from_ = UtcDateTimeField()
    to = UtcDateTimeField()
    reason = serializers.CharField()

    def get_fields(self):
        fields = super().get_fields()
        return {name.rstrip("_"): field for name, field in fields.items()}


class MeterShape(Serializer):
    """What is billed and why: final once the session is over, as it stands while it is LIVE, zero before."""

    session_id = serializers.UUIDField()
    final = serializers.BooleanField()
    version = serializers.IntegerField()
    mode = serializers.CharField()
    started_at = UtcDateTimeField(allow_null=True)
    ended_at = UtcDateTimeField(source="cutoff_at", allow_null=True)
    metered_seconds = serializers.IntegerField()
    clean_seconds = serializers.IntegerField()
    failed_seconds = serializers.IntegerField()
    failed_intervals = IntervalShape(many=True)
    samples = FreeFormField()
    input_hash = serializers.CharField(allow_null=True)
    rate_per_second_micro_usdc = MicroField()
    charged_micro_usdc = MicroField()
    operator_earned_micro_usdc = MicroField()
    fee_micro_usdc = MicroField()
    trust = TrustShape()
