"""Bodies and answers of health events."""

from rest_framework import serializers

from config.kernel.serializers import CleanCharField, FreeFormField, Serializer, UtcDateTimeField, Whole
from nodes.health.services import DETAILS_LIMIT_BYTES
from nodes.health.states import Condition, EventStatus, Severity, Source


def _choice(enum, **kwargs) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=[item.value for item in enum], **kwargs)


class HealthReportBody(Serializer):
    """POST /nodes/:id/health-events."""

    id = serializers.UUIDField()
    type = serializers.RegexField(r"^[a-z][a-z0-9_]*(\.[a-z0-9_-]+)+$", max_length=80)
    severity = _choice(Severity)
    state = serializers.ChoiceField(choices=["firing", "cleared"])
    message = CleanCharField(max_length=500, multiline=True)
    details = FreeFormField(required=False, limit_bytes=DETAILS_LIMIT_BYTES)
    opened_at = UtcDateTimeField(required=False)
    interface_id = serializers.UUIDField(required=False, allow_null=True)
    channel_index = Whole(min_value=1, max_value=512, required=False, allow_null=True)
    recording_id = serializers.UUIDField(required=False, allow_null=True)
    schedule_id = serializers.UUIDField(required=False, allow_null=True)


class EventSubject(Serializer):
    kind = serializers.CharField()
    id = serializers.CharField()
    label = serializers.CharField()


class EventNote(Serializer):
    at = UtcDateTimeField()
    by = serializers.CharField()
    action = serializers.CharField()
    text = serializers.CharField()


class HealthEventShape(Serializer):
    """What `shapes.event` builds."""

    id = serializers.UUIDField()
    type = serializers.CharField()
    severity = _choice(Severity)
    status = _choice(EventStatus)
    condition = _choice(Condition)
    source = _choice(Source)
    message = serializers.CharField()
    details = serializers.DictField()
    site_id = serializers.UUIDField(allow_null=True)
    node_id = serializers.UUIDField(allow_null=True)
    interface_id = serializers.UUIDField(allow_null=True)
    channel_index = serializers.IntegerField(allow_null=True)
    recording_id = serializers.UUIDField(allow_null=True)
    schedule_id = serializers.UUIDField(allow_null=True)
    subject = EventSubject(allow_null=True)
    fingerprint = serializers.CharField()
    count = serializers.IntegerField()
    flap_count = serializers.IntegerField()
    flapping = serializers.BooleanField()
    inhibited_by = serializers.UUIDField(allow_null=True)
    late = serializers.BooleanField()
    opened_at = UtcDateTimeField()
    last_seen_at = UtcDateTimeField()
    cleared_at = UtcDateTimeField(allow_null=True)
    acknowledged_at = UtcDateTimeField(allow_null=True)
    acknowledged_by = serializers.CharField(allow_null=True)
    suppressed_at = UtcDateTimeField(allow_null=True)
    suppressed_by = serializers.CharField(allow_null=True)
    suppressed_until = UtcDateTimeField(allow_null=True)
    resolved_at = UtcDateTimeField(allow_null=True)
    resolved_by = serializers.CharField(allow_null=True)
    notes = EventNote(many=True)


class ReportedShape(Serializer):
    """`event` is null for a cleared report of something that is not open."""

    event = HealthEventShape(allow_null=True)
