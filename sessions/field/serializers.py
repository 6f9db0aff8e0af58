"""Wire forms of field sessions (05 §2). Money is whole µUSDC as decimal strings. No URL and no token stands in any of them but three answers."""

from rest_framework import serializers

from config.kernel.access import Perm
from config.kernel.errors import FieldError
from config.kernel.references import ScopedReference
from config.kernel.serializers import CleanCharField, FreeFormField, MicroField, ModelSerializer, Serializer, Switch, UtcDateTimeField, Whole
from operators.workspaces.serializers import PointShape
from operators.workspaces.states import DeviceKind, Environment
from sessions.field.geography import FenceProblem, Point, check_polygon
from sessions.field.models import FieldSession, SessionEvent
from sessions.field.states import Mode, Tally

METADATA_BYTES = 4096
DEFAULT_RADIUS_METERS = 100


class SessionBody(Serializer):
    """What is wanted: live video from around a point. One fence: a radius (100 m unless said) or a GeoJSON polygon."""

    point = PointShape()
    max_duration_seconds = Whole(min_value=10, max_value=86400)
    wait_timeout_seconds = Whole(min_value=5, max_value=3600, required=False, allow_null=True)
    geofence_radius_meters = Whole(min_value=5, max_value=50000, required=False, allow_null=True)
    geofence_polygon = serializers.JSONField(required=False, allow_null=True)
    mode = serializers.ChoiceField(Mode.choices, default=Mode.WALL_CLOCK)
    quote_id = serializers.UUIDField(required=False, allow_null=True)
    max_rate_per_second_micro_usdc = MicroField(required=False, allow_null=True)
    required_trust_tier = Whole(min_value=0, max_value=3, required=False)
    kinds = serializers.ListField(child=serializers.ChoiceField(DeviceKind.choices), required=False, max_length=len(DeviceKind.values))
    # Whoever is told a supplier's id may ask it; the service looks whether it is one.
    operator_workspace_id = ScopedReference("workspace", Perm.WORKSPACE_READ, keep_id=True, unknown_stays=True, required=False, allow_null=True)
    label = CleanCharField(max_length=80, required=False, allow_blank=True)
    record = Switch(default=True)
    external_ref = CleanCharField(max_length=120, required=False, allow_blank=True)
    metadata = FreeFormField(limit_bytes=METADATA_BYTES, required=False)
    environment = serializers.ChoiceField(Environment.choices, required=False)
    workspace_id = ScopedReference("workspace", Perm.SESSIONS_CREATE, source="workspace", required=False)

    def validate(self, attrs):
        if attrs.get("geofence_polygon") is not None and attrs.get("geofence_radius_meters") is not None:
            raise serializers.ValidationError({"geofencePolygon": [serializers.ErrorDetail("Give a radius or a polygon, not both.", code="one_of")]})
        if attrs["mode"] == Mode.WALL_CLOCK and attrs.get("required_trust_tier", 0) >= 1:
            text = "A trust tier of 1 or more needs the telemetry mode."
            raise serializers.ValidationError({"requiredTrustTier": [serializers.ErrorDetail(text, code="mode_required")]})
        kinds = attrs.get("kinds") or []
        if len(set(kinds)) != len(kinds):
            raise serializers.ValidationError({"kinds": [serializers.ErrorDetail("A value appears twice.", code="duplicate")]})
        return attrs


def wish_of(body: dict) -> dict:
    """A validated body as columns. FieldError for a polygon that can be no fence."""
    place = Point(body["point"]["lat"], body["point"]["lng"])
    polygon, radius = body.get("geofence_polygon"), body.get("geofence_radius_meters")
    if polygon is not None:
        try:
            check_polygon(polygon, place)
        except FenceProblem as problem:
            raise FieldError("geofencePolygon", "invalid", str(problem)) from problem
    elif radius is None:
        radius = DEFAULT_RADIUS_METERS
    telemetry = body["mode"] == Mode.TELEMETRY
    return {
        "lat": place.lat, "lng": place.lng, "geofence_polygon": polygon, "geofence_radius_meters": radius, "mode": body["mode"],
        "max_duration_seconds": body["max_duration_seconds"], "wait_timeout_seconds": body.get("wait_timeout_seconds"),
        "max_rate_micro": body.get("max_rate_per_second_micro_usdc"), "required_trust_tier": body.get("required_trust_tier", 1 if telemetry else 0),
        "kinds": list(body.get("kinds") or []), "label": body.get("label", ""), "record": body["record"], "external_ref": body.get("external_ref", ""),
        "metadata": dict(body.get("metadata") or {}),
    }  # fmt: skip


class TrustShape(Serializer):
    """What was asked for, what was reached, and what looked wrong."""

    required = serializers.IntegerField()
    reached = serializers.IntegerField()
    flags = serializers.ListField(child=serializers.CharField())


class SettlementBrief(Serializer):
    """How far the money is."""

    state = serializers.CharField()
    tx_hash = serializers.CharField(allow_null=True)


class ProvenanceShape(Serializer):
    """What is known of the pictures' origin."""

    state = serializers.CharField()
    unaltered = serializers.BooleanField()
    certificate_sha256 = serializers.CharField(required=False)
    checked_at = UtcDateTimeField(required=False)


class _Micro(MicroField):
    def __init__(self, source: str, **kwargs):
        super().__init__(source=source, read_only=True, **kwargs)


class OpenSessionShape(ModelSerializer):
    """A session without what says who asks: as suppliers see an open request."""

    end_reason = serializers.SerializerMethodField()
    consumer_workspace_id = serializers.SerializerMethodField()
    operator_workspace_id = serializers.SerializerMethodField()
    operator_id = serializers.UUIDField(read_only=True, allow_null=True)
    operator_kind = serializers.SerializerMethodField()
    point = serializers.SerializerMethodField()
    max_rate_per_second_micro_usdc = _Micro("max_rate_micro", allow_null=True)
    external_ref = serializers.SerializerMethodField()
    metadata = serializers.SerializerMethodField()
    quote_id = serializers.SerializerMethodField()
    rate_per_second_micro_usdc = _Micro("rate_micro")
    hold_micro_usdc = _Micro("hold_micro")
    charged_micro_usdc = _Micro("gross_micro")
    operator_earned_micro_usdc = _Micro("operator_micro")
    fee_micro_usdc = _Micro("fee_micro")
    settlement = serializers.SerializerMethodField()
    trust = serializers.SerializerMethodField()
    provenance = serializers.SerializerMethodField()
    video_backend_ref = serializers.SerializerMethodField()

    class Meta:
        model = FieldSession
        fields = [
            "id", "environment", "state", "end_reason", "consumer_workspace_id", "operator_workspace_id", "operator_id", "operator_kind", "point",
            "max_duration_seconds", "wait_timeout_seconds", "geofence_radius_meters", "geofence_polygon", "mode", "quote_id",
            "max_rate_per_second_micro_usdc", "required_trust_tier", "kinds", "label", "record", "external_ref", "metadata", "deadline_at",
            "created_at", "assigned_at", "started_at", "ended_at", "media_lost_at", "rate_per_second_micro_usdc", "fee_bps", "hold_micro_usdc", "metered_seconds",
            "clean_seconds", "failed_seconds", "charged_micro_usdc", "operator_earned_micro_usdc", "fee_micro_usdc", "meter_final", "settlement",
            "trust", "provenance", "tally", "video_backend_ref",
        ]  # fmt: skip
        read_only_fields = fields

    def shows_consumer(self, row) -> bool:
        return False

    def get_end_reason(self, row) -> str | None:
        return row.end_reason or None

    def get_consumer_workspace_id(self, row) -> str | None:
        return str(row.consumer_workspace_id) if self.shows_consumer(row) else None

    def get_operator_workspace_id(self, row) -> str | None:
        pk = row.operator_workspace_id or row.wanted_workspace_id
        return str(pk) if pk else None

    def get_operator_kind(self, row) -> str | None:
        return row.operator.kind if row.operator_id else None

    def get_point(self, row) -> PointShape():
        return {"lat": row.lat, "lng": row.lng}

    def get_external_ref(self, row) -> str | None:
        return (row.external_ref or None) if self.shows_consumer(row) else None

    def get_metadata(self, row) -> FreeFormField():
        return FreeFormField().to_representation(row.metadata if self.shows_consumer(row) else {})

    def get_quote_id(self, row) -> str | None:
        return str(row.quote_id) if row.quote_id and self.shows_consumer(row) else None

    def get_settlement(self, row) -> SettlementBrief():
        found = _beside(row, "settlement")
        return {"state": found.state if found else "NOT_READY", "txHash": (getattr(found, "tx_hash", "") or None) if found else None}

    def get_trust(self, row) -> TrustShape():
        return {"required": row.required_trust_tier, "reached": row.trust_reached, "flags": row.trust_flags}

    def get_provenance(self, row) -> ProvenanceShape():
        return {"state": "NONE", "unaltered": True, **row.provenance}

    def get_video_backend_ref(self, row) -> str | None:
        found = _beside(row, "media_input")
        return str(found.pk) if found and found.state != "MINTING" else None


def _beside(row, name: str):
    """The one-to-one row of a neighbour, None where there is none."""
    return getattr(row, name, None)


class SessionShape(OpenSessionShape):
    """A field session. Rows that are only seen as open requests (`reached` is false) don't say who asks."""

    class Meta(OpenSessionShape.Meta):
        pass

    def shows_consumer(self, row) -> bool:
        return getattr(row, "reached", True)


class SessionEventShape(ModelSerializer):
    """One thing that happened, under the number of its webhooks."""

    from_state = serializers.SerializerMethodField()
    to_state = serializers.SerializerMethodField()
    data = FreeFormField(read_only=True)

    class Meta:
        model = SessionEvent
        fields = ["id", "sequence", "type", "from_state", "to_state", "at", "data"]
        read_only_fields = fields

    def get_from_state(self, row) -> str | None:
        return row.from_state or None

    def get_to_state(self, row) -> str | None:
        return row.to_state or None


class OperatorChoice(Serializer):
    """With which device operator."""

    operator_id = ScopedReference("device_operator", Perm.SESSIONS_OPERATE, source="operator", required=False, allow_null=True)


class DispatchBody(Serializer):
    """A candidate's id, or nobody: then the first one."""

    # Candidates are other workspaces' operators: whoever is told an id may name it; the service looks whether it is one.
    operator_id = ScopedReference("device_operator", Perm.OPERATORS_READ, keep_id=True, unknown_stays=True, required=False, allow_null=True)


class DeclaredProvenance(Serializer):
    """What the pictures will be signed with."""

    type = serializers.ChoiceField(["c2pa"])
    certificate_sha256 = serializers.RegexField(r"^[0-9a-fA-F]{64}\Z", trim_whitespace=False)


class SessionStartBody(Serializer):
    """Nothing is needed; `provenance` says that the pictures are signed."""

    provenance = DeclaredProvenance(required=False, allow_null=True)


class EdgeShape(Serializer):
    """Tokens of the media edge; null where the provider has secrets of its own."""

    publish_token = serializers.CharField()
    view_token = serializers.CharField()
    view_expires_at = UtcDateTimeField()


class PublishShape(Serializer):
    """What the operator's side publishes with; the URL alone suffices and stays the same."""

    video_backend_ref = serializers.UUIDField()
    whip_url = serializers.CharField()
    edge = EdgeShape(allow_null=True)


class StartedShape(PublishShape):
    """The session, and everything that its operator needs."""

    session = SessionShape()
    whep_url = serializers.CharField(allow_null=True)


class LiveKitShape(Serializer):
    """Where the provider has no WHEP."""

    url = serializers.CharField()
    token = serializers.CharField()


class ViewShape(Serializer):
    """One way in for one viewer; to connect until `expiresAt`."""

    video_backend_ref = serializers.UUIDField()
    whep_url = serializers.CharField(allow_null=True)
    expires_at = UtcDateTimeField()
    livekit = LiveKitShape(required=False)


class CandidateShape(Serializer):
    """One that dispatch may take."""

    operator_id = serializers.UUIDField(source="operator.pk")
    kind = serializers.CharField(source="operator.kind")
    distance_meters = serializers.IntegerField(source="rounded_meters")
    idle_seconds = serializers.IntegerField()


class TallyShape(Serializer):
    """Whether the control room shows it, and since when."""

    tally = serializers.ChoiceField(Tally.choices)
    since = UtcDateTimeField(source="tally_since", allow_null=True)


class CancelledBrief(Serializer):
    """One that was called off."""

    id = serializers.UUIDField()
    operator_id = serializers.UUIDField()


class CancelledAll(Serializer):
    """Oldest first."""

    count = serializers.IntegerField()
    cancelled = CancelledBrief(many=True)
