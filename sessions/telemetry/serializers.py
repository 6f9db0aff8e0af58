"""Wire forms of telemetry. What comes in is read by `samples.parse`, which keeps the numbers as they were signed."""

from rest_framework import serializers

from config.kernel.serializers import FreeFormField, ModelSerializer, Number, Serializer, UtcDateTimeField
from operators.workspaces.serializers import PointShape
from sessions.field.serializers import ProvenanceShape
from sessions.telemetry.models import TelemetrySample
from sessions.telemetry.states import ACCURACY_METERS, BATCH, SENSOR_BYTES, Source, Verdict


class SampleBody(Serializer):
    """One position. `signature`: EIP-191 over the RFC 8785 JSON of the rest plus `sessionId`, by the workspace's wallet or a key of the operator."""

    captured_at = serializers.RegexField(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", help_text="Three decimals and Z")
    point = PointShape()
    accuracy_meters = Number(min_value=0, max_value=ACCURACY_METERS)
    source = serializers.ChoiceField(Source.choices)
    signature = serializers.CharField(required=False, allow_null=True, help_text="Required in telemetry mode")
    sensors = FreeFormField(required=False, allow_null=True, limit_bytes=SENSOR_BYTES)
    challenge = serializers.CharField(required=False, allow_null=True, help_text="The newest nonce, 32 hexadecimal digits")


class SampleList(serializers.Field):
    """Raw samples, each judged alone."""

    default_error_messages = {"length": f"A list of 1 to {BATCH} samples."}

    def to_internal_value(self, data):
        if not isinstance(data, list) or not 1 <= len(data) <= BATCH:
            self.fail("length")
        return data

    def to_representation(self, value):
        return value


class BatchBody(Serializer):
    """Up to 600 samples, in any order."""

    samples = SampleList()


class BatchDocument(Serializer):
    """`BatchBody` as the API document shows it."""

    samples = SampleBody(many=True)


class SampleTaken(Serializer):
    """What one sample is worth. Only `in_fence` counts; `challenge` is the nonce to carry from now on, where the session asks for one."""

    captured_at = UtcDateTimeField()
    verdict = serializers.ChoiceField(Verdict.choices)
    duplicate = serializers.BooleanField()
    outside_meters = serializers.FloatField()
    challenge = serializers.CharField(required=False)


class RejectedShape(Serializer):
    """One sample that was not taken."""

    index = serializers.IntegerField()
    code = serializers.CharField()


class BatchTaken(Serializer):
    """How many were stored now, how many before, and which were refused."""

    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = RejectedShape(many=True)
    challenge = serializers.CharField(required=False)


class SampleShape(ModelSerializer):
    """A sample of the log."""

    point = serializers.SerializerMethodField()
    signed = serializers.SerializerMethodField()
    sensors = FreeFormField(allow_null=True)

    class Meta:
        model = TelemetrySample
        fields = ["id", "captured_at", "received_at", "point", "accuracy_meters", "source", "verdict", "signed", "sensors"]
        read_only_fields = fields

    def get_point(self, row) -> PointShape():
        return {"lat": row.lat, "lng": row.lng}

    def get_signed(self, row) -> bool:
        return bool(row.signer)


class ProvenanceAnswer(Serializer):
    """What is known of the pictures' origin now."""

    provenance = ProvenanceShape()
