"""Wire forms of prices (05 §8)."""

from rest_framework import serializers

from config.kernel.serializers import MicroField, ModelSerializer, Serializer
from operators.workspaces.states import Environment
from sessions.field.geography import is_place
from sessions.pricing.models import Quote


class QuoteQuery(Serializer):
    """For which place and how long. `environment`: a key has its own; `workspaceId` only where several could be meant."""

    lat = serializers.FloatField()
    lng = serializers.FloatField()
    duration_seconds = serializers.IntegerField(min_value=10, max_value=86400)
    environment = serializers.ChoiceField(Environment.choices, required=False)

    def validate(self, attrs):
        for name, place in (("lat", (attrs["lat"], 0)), ("lng", (0, attrs["lng"]))):
            if not is_place(*place):
                raise serializers.ValidationError({name: [serializers.ErrorDetail("Degrees of WGS84.", code="out_of_range")]})
        return attrs


class QuoteShape(ModelSerializer):
    """A rate that holds for one session of this place and length, for 30 seconds."""

    quote_id = serializers.UUIDField(source="pk", read_only=True)
    rate_per_second_micro_usdc = MicroField(source="rate_micro", read_only=True)
    estimated_total_micro_usdc = serializers.SerializerMethodField()
    base_rate_per_second_micro_usdc = MicroField(source="base_rate_micro", read_only=True)
    supply_factor_bps = serializers.IntegerField(source="supply_bps", read_only=True)
    demand_factor_bps = serializers.IntegerField(source="demand_bps", read_only=True)
    corridor_factor_bps = serializers.IntegerField(source="corridor_bps", read_only=True)

    class Meta:
        model = Quote
        fields = [
            "quote_id", "rate_per_second_micro_usdc", "estimated_total_micro_usdc", "base_rate_per_second_micro_usdc", "supply_factor_bps",
            "demand_factor_bps", "corridor_factor_bps", "fee_bps", "expires_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_estimated_total_micro_usdc(self, row) -> str:
        return str(row.rate_micro * row.duration_seconds)
