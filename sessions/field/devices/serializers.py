"""Wire forms of device operators, their heartbeats and keys."""

from rest_framework import serializers

from config.kernel.access import Perm
from config.kernel.references import ScopedReference
from config.kernel.serializers import CleanCharField, FreeFormField, ModelSerializer, Number, Serializer, Switch, UtcDateTimeField, Whole
from operators.identity.wallets.serializers import AddressField
from operators.workspaces.devices.models import DeviceKey, DeviceOperator
from operators.workspaces.serializers import PointShape
from operators.workspaces.states import Availability, DeviceKind, Environment
from sessions.field.devices.selectors import coverage_of, point_or_none
from sessions.field.devices.services import coverage_columns

METADATA_BYTES = 4096


class OperatorCoverage(Serializer):
    """A circle; without a center it lies around the operator's home."""

    center = PointShape(required=False, allow_null=True)
    radius_meters = Whole(min_value=10, max_value=500000)


class OperatorPatch(Serializer):
    """What may change."""

    label = CleanCharField(min_length=1, max_length=80, required=False)
    kind = serializers.ChoiceField(DeviceKind.choices, required=False)
    home = PointShape(required=False, allow_null=True)
    coverage = OperatorCoverage(required=False, allow_null=True)
    enabled = Switch(required=False)
    metadata = FreeFormField(limit_bytes=METADATA_BYTES, required=False)


class OperatorBody(OperatorPatch):
    """A new one, in the active workspace unless another is named."""

    label = CleanCharField(min_length=1, max_length=80)
    kind = serializers.ChoiceField(DeviceKind.choices)
    environment = serializers.ChoiceField(Environment.choices, required=False)
    workspace_id = ScopedReference("workspace", Perm.OPERATORS_WRITE, source="workspace", required=False)


def columns(body: dict) -> dict:
    """A validated body as columns."""
    fields = {name: body[name] for name in ("label", "kind", "enabled") if name in body}
    if "metadata" in body:
        fields["metadata"] = dict(body["metadata"])
    if "home" in body:
        home = body["home"] or {}
        fields |= {"home_lat": home.get("lat"), "home_lng": home.get("lng")}
    if "coverage" in body:
        circle = body["coverage"]
        fields |= coverage_columns({"center": circle.get("center"), "radiusMeters": circle["radius_meters"]} if circle else None)
    return fields


class OperatorShape(ModelSerializer):
    """A device operator. `currentSessionId` and `availabilityState` are computed when asked; `idleSince` is null while it serves."""

    workspace_id = serializers.UUIDField(read_only=True)
    home = serializers.SerializerMethodField()
    coverage = serializers.SerializerMethodField()
    metadata = FreeFormField(read_only=True)
    availability_state = serializers.ChoiceField(Availability.choices, source="availability", read_only=True)
    current_session_id = serializers.UUIDField(read_only=True, allow_null=True)
    last_point = serializers.SerializerMethodField()
    idle_since = serializers.SerializerMethodField()

    class Meta:
        model = DeviceOperator
        fields = [
            "id", "workspace_id", "environment", "label", "kind", "home", "coverage", "enabled", "metadata", "availability_state",
            "current_session_id", "last_point", "last_accuracy_meters", "last_seen_at", "idle_since", "is_default", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_home(self, row) -> PointShape(allow_null=True):
        return point_or_none(row.home_lat, row.home_lng)

    def get_coverage(self, row) -> OperatorCoverage(allow_null=True):
        circle = coverage_of(row)
        return circle and {"center": circle["center"], "radiusMeters": circle["radius_meters"]}

    def get_last_point(self, row) -> PointShape(allow_null=True):
        return point_or_none(row.last_point_lat, row.last_point_lng)

    def get_idle_since(self, row) -> str | None:
        return None if row.is_busy or row.idle_since is None else UtcDateTimeField().to_representation(row.idle_since)


class HeardBody(Serializer):
    """The heartbeat. `sequence` only ever rises; milliseconds of the epoch serve."""

    point = PointShape(required=False, allow_null=True)
    accuracy_meters = Number(min_value=0, max_value=100000, required=False, allow_null=True)
    sequence = Whole(min_value=0, max_value=2**63 - 1)
    speed_mps = Number(min_value=0, max_value=10000, required=False, allow_null=True)
    battery_percent = Number(min_value=0, max_value=100, required=False, allow_null=True)


class HeardShape(Serializer):
    """Whether the place counts (accurate to 100 m), and when the operator was heard."""

    point_accepted = serializers.BooleanField()
    last_seen_at = UtcDateTimeField()


class DeviceKeyBody(Serializer):
    """`proof` is the new key's EIP-191 signature over the canonical JSON of `{address, issuedAt, operatorId, purpose: "operator-key"}`."""

    address = AddressField()
    issued_at = UtcDateTimeField()
    proof = serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=1000)


class DeviceKeyShape(ModelSerializer):
    """An address that signs for an operator."""

    operator_id = serializers.UUIDField(read_only=True)

    class Meta:
        model = DeviceKey
        fields = ["id", "operator_id", "address", "issued_at", "created_at", "revoked_at"]
        read_only_fields = fields
