"""Answers of the fleet's routes: what `shapes` builds, as the OpenAPI document describes it, and the serializers of sites and rooms."""

from rest_framework import serializers

from config.kernel.serializers import ModelSerializer, Serializer, UtcDateTimeField
from nodes.fleet import states
from nodes.fleet.models import Room, Site
from nodes.health.states import Severity


def _choice(enum, **kwargs) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=[item.value for item in enum], **kwargs)


def _text(**kwargs) -> serializers.CharField:
    return serializers.CharField(**kwargs)


class SiteShape(ModelSerializer):
    class Meta:
        model = Site
        fields = ("id", "name", "slug", "timezone", "notes", "created_at", "updated_at", "revision")


class RoomShape(ModelSerializer):
    site_id = serializers.UUIDField()

    class Meta:
        model = Room
        fields = ("id", "site_id", "building", "floor", "name")


class LocationShape(Serializer):
    site_id = serializers.UUIDField()
    site_name = _text(allow_null=True)
    building = _text(allow_null=True)
    floor = _text(allow_null=True)
    room = _text(allow_null=True)
    room_id = serializers.UUIDField(allow_null=True)
    timezone = _text()


class CapacityShape(Serializer):
    max_concurrent_recordings = serializers.IntegerField()


class BriefChannelShape(Serializer):
    index = serializers.IntegerField()
    alias = _text(allow_null=True)
    role = _choice(states.ChannelRole)


class BriefInterfaceShape(Serializer):
    id = serializers.UUIDField()
    alias = _text(allow_null=True)
    label = _text()
    enabled = serializers.BooleanField()
    system_name = _text()
    system_ref = _text()
    backend = _choice(states.Backend)
    channel_count = serializers.IntegerField()
    state = _choice(states.InterfaceState)
    monitor = _choice(states.Monitor)
    channels = BriefChannelShape(many=True)


class SourceShape(Serializer):
    kind = _choice(states.Backend)
    ref = _text()
    options = serializers.DictField()


class ChannelShape(Serializer):
    id = serializers.UUIDField()
    index = serializers.IntegerField()
    alias = _text(allow_null=True)
    role = _choice(states.ChannelRole, allow_null=True)
    effective_role = _choice(states.ChannelRole)


class InterfaceShape(Serializer):
    id = serializers.UUIDField()
    node_id = serializers.UUIDField()
    alias = _text(allow_null=True)
    label = _text()
    enabled = serializers.BooleanField()
    system_name = _text()
    system_ref = _text()
    hardware_path = _text(allow_null=True)
    serial_number = _text(allow_null=True)
    backend = _choice(states.Backend)
    sample_rates = serializers.ListField(child=serializers.IntegerField())
    channel_count = serializers.IntegerField()
    state = _choice(states.InterfaceState)
    error = _text(allow_null=True)
    xruns = serializers.IntegerField()
    reported_at = UtcDateTimeField(allow_null=True)
    source = SourceShape()
    sample_rate = serializers.IntegerField(allow_null=True)
    sample_format = _choice(states.SampleFormat, allow_null=True)
    room = _text(allow_null=True)
    monitor = _choice(states.Monitor)
    channels = ChannelShape(many=True)
    revision = serializers.IntegerField()


class NodeRowShape(Serializer):
    """A node of which only a part is in reach has `id`, `alias`, `status`, `partial` and `interfaces` only."""

    id = serializers.UUIDField()
    alias = _text()
    partial = serializers.BooleanField()
    status = _choice(states.NodeStatus)
    interfaces = BriefInterfaceShape(many=True)
    location = LocationShape(required=False)
    tags = serializers.ListField(child=_text(), required=False)
    notes = _text(required=False)
    recording_capacity = CapacityShape(required=False)
    retired_at = UtcDateTimeField(required=False, allow_null=True)
    hostname = _text(required=False, allow_null=True)
    agent_version = _text(required=False, allow_null=True)
    last_seen_at = UtcDateTimeField(required=False, allow_null=True)
    liveness = _choice(states.Liveness, required=False)
    reported_status = _choice(states.ReportedStatus, required=False)
    worst_severity = _choice(Severity, required=False, allow_null=True)
    active_job_count = serializers.IntegerField(required=False)
    intent = serializers.IntegerField(required=False)
    fact = serializers.IntegerField(required=False)
    listeners = serializers.ListField(child=serializers.DictField(), required=False)
    interface_count = serializers.IntegerField(required=False)
    created_at = UtcDateTimeField(required=False)
    updated_at = UtcDateTimeField(required=False)


class NodeShape(NodeRowShape):
    interfaces = InterfaceShape(many=True)
    audio_defaults = serializers.DictField(required=False)
    agent_instance_id = _text(required=False, allow_null=True)
    process_id = _text(required=False, allow_null=True)
    ip_addresses = serializers.ListField(child=_text(), required=False)
    runtime = serializers.DictField(required=False)
    clock = serializers.DictField(required=False)
    disk = serializers.DictField(required=False)
    free_slots = serializers.IntegerField(required=False)
    outbox_depth = serializers.IntegerField(required=False)
    quarantine = serializers.ListField(child=serializers.DictField(), required=False)
    config_version = _text(required=False)
    reported_config_version = _text(required=False, allow_null=True)
    revision = serializers.IntegerField(required=False)


class CredentialShape(Serializer):
    """`token` once, where it was just minted; null ever after."""

    id = serializers.UUIDField()
    token = _text(allow_null=True)
    token_prefix = _text()
    state = _choice(states.CredentialState)
    deliver = _choice(states.Deliver, allow_null=True)
    created_at = UtcDateTimeField()
    last_used_at = UtcDateTimeField(allow_null=True)
    expires_at = UtcDateTimeField(allow_null=True)


class CredentialReply(Serializer):
    credential = CredentialShape()


class EnrolledShape(Serializer):
    node = NodeShape()
    credential = CredentialShape()


class HintsShape(Serializer):
    config_version = _text()
    claim = serializers.BooleanField()
    jobs = serializers.ListField(child=serializers.UUIDField())
    meter_period_ms = serializers.IntegerField()
    feeds = serializers.ListField(child=serializers.DictField())


class SelfShape(Serializer):
    id = serializers.UUIDField()
    alias = _text()
    site_id = serializers.UUIDField()
    timezone = _text()
    config_version = _text()
    recording_capacity = CapacityShape()
    retired_at = UtcDateTimeField(allow_null=True)


class FreshToken(Serializer):
    token = _text()


class HeartbeatReply(Serializer):
    node = SelfShape()
    server_time = UtcDateTimeField()
    hints = HintsShape()
    commands = serializers.ListField(child=serializers.DictField())
    credential = FreshToken(allow_null=True)
