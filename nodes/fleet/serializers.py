"""Bodies of the fleet's routes."""

import re
import zoneinfo

from rest_framework import serializers

from config.kernel.access import Perm
from config.kernel.references import ScopedReference
from config.kernel.serializers import CleanCharField, FreeFormField, Number, Serializer, Switch, UtcDateTimeField, Whole
from nodes.fleet.states import Backend, ChannelRole, Deliver, InterfaceState, Monitor, ReportedStatus, SampleFormat

RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 176400, 192000, 384000)
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def choice(enum, **kwargs) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=[item.value for item in enum], **kwargs)


def timezone_known(value: str) -> str:
    if value not in zoneinfo.available_timezones():
        raise serializers.ValidationError("Not an IANA time zone, like Europe/Berlin.", code="timezone_unknown")
    return value


class SiteBody(Serializer):
    """POST and PATCH of a site."""

    name = CleanCharField(max_length=120)
    slug = CleanCharField(max_length=60, required=False)
    timezone = CleanCharField(max_length=64)
    notes = CleanCharField(max_length=2000, multiline=True, allow_blank=True, required=False)

    def validate_slug(self, value):
        if not _SLUG.fullmatch(value):
            raise serializers.ValidationError("Lower-case letters, digits and single hyphens.", code="invalid")
        return value

    def validate_timezone(self, value):
        return timezone_known(value)


class SourceBody(Serializer):
    """Where audio comes from; what a machine really opens is limited by its own configuration."""

    kind = choice(Backend)
    ref = CleanCharField(max_length=512)
    options = FreeFormField(required=False, limit_bytes=2048)


class AudioDefaultsBody(Serializer):
    """What a new interface of the node starts with."""

    source = SourceBody(required=False, allow_null=True)
    sample_rate = serializers.ChoiceField(choices=RATES, required=False)
    sample_format = choice(SampleFormat, required=False)
    channels = Whole(min_value=1, max_value=512, required=False)


class CapacityBody(Serializer):
    max_concurrent_recordings = Whole(min_value=1, max_value=128)


def _place(**kwargs) -> CleanCharField:
    return CleanCharField(max_length=120, allow_null=True, required=False, **kwargs)


class LocationBody(Serializer):
    """Where a new node stands."""

    site_id = ScopedReference("site", Perm.NODE_MANAGE, source="site")
    building = _place()
    floor = _place()
    room = _place()


class MoveBody(LocationBody):
    """`null` clears; what is left out stays."""

    site_id = ScopedReference("site", Perm.NODE_MANAGE, source="site", required=False)


class TagsField(serializers.ListField):
    """≤ 32 different tags of ≤ 48 characters, in the order given."""

    def __init__(self, **kwargs):
        super().__init__(child=CleanCharField(max_length=48), max_length=32, **kwargs)

    def to_internal_value(self, data):
        return list(dict.fromkeys(super().to_internal_value(data)))


class EnrolBody(Serializer):
    """POST /nodes/enroll."""

    alias = CleanCharField(max_length=120)
    location = LocationBody()
    hostname = CleanCharField(max_length=253, required=False)
    tags = TagsField(required=False)
    notes = CleanCharField(max_length=2000, multiline=True, allow_blank=True, required=False)
    recording_capacity = CapacityBody(required=False)
    audio_defaults = AudioDefaultsBody(required=False)


class NodeBody(Serializer):
    """PATCH /nodes/:id: a person's columns, each optional."""

    alias = CleanCharField(max_length=120, required=False)
    location = MoveBody(required=False)
    tags = TagsField(required=False)
    notes = CleanCharField(max_length=2000, multiline=True, allow_blank=True, required=False)
    recording_capacity = CapacityBody(required=False)
    audio_defaults = AudioDefaultsBody(required=False)
    retired = Switch(required=False)

    def validate_retired(self, value):
        if not value:
            raise serializers.ValidationError("Retiring is final; enrol the machine again instead.", code="invalid")
        return value


class ChannelBody(Serializer):
    """`null` unsets."""

    index = Whole(min_value=1, max_value=512)
    alias = CleanCharField(max_length=64, allow_null=True, required=False)
    role = choice(ChannelRole, allow_null=True, required=False)


class InterfaceBody(Serializer):
    """PATCH of an interface: a person's columns, each optional; `null` returns to what is reported or inherited."""

    alias = CleanCharField(max_length=120, allow_null=True, required=False)
    enabled = Switch(required=False)
    source = SourceBody(required=False, allow_null=True)
    sample_rate = serializers.ChoiceField(choices=RATES, required=False, allow_null=True)
    sample_format = choice(SampleFormat, required=False, allow_null=True)
    room = CleanCharField(max_length=120, required=False, allow_null=True)
    monitor = choice(Monitor, required=False, allow_null=True)
    channels = ChannelBody(many=True, required=False)

    def validate_channels(self, value):
        if len({item["index"] for item in value}) != len(value):
            raise serializers.ValidationError("An index appears twice.", code="duplicate")
        return value


class RotateBody(Serializer):
    """POST /nodes/:id/credentials/rotate."""

    deliver = choice(Deliver, required=False, default=Deliver.RESPONSE.value)
    revoke_now = Switch(required=False, default=False)
    reason = CleanCharField(max_length=500, required=False, allow_blank=True, default="")


# --- what a node says of itself: lengths are bounded, unknown keys go into `extra` --------------------------------------------------


class RuntimeBody(Serializer):
    architecture = CleanCharField(max_length=64, required=False, allow_blank=True)
    os_name = CleanCharField(max_length=120, required=False, allow_blank=True)
    kernel_release = CleanCharField(max_length=120, required=False, allow_blank=True)
    audio_backends = serializers.ListField(child=CleanCharField(max_length=32), max_length=16, required=False)
    uptime_seconds = Number(min_value=0, required=False)


class ClockBody(Serializer):
    offset_ms = Number(min_value=-1e12, max_value=1e12, allow_null=True, required=False)
    rtt_ms = Number(min_value=0, max_value=1e9, allow_null=True, required=False)
    synchronized = Switch(required=False, allow_null=True)


class DiskBody(Serializer):
    free_bytes = Whole(min_value=0, max_value=2**62, allow_null=True, required=False)
    total_bytes = Whole(min_value=0, max_value=2**62, allow_null=True, required=False)
    probe_error = CleanCharField(max_length=500, allow_null=True, allow_blank=True, required=False)


class ReportedInterfaceBody(Serializer):
    system_name = CleanCharField(max_length=255, allow_blank=True, required=False, default="")
    system_ref = CleanCharField(max_length=512, allow_blank=True, required=False, default="")
    backend = choice(Backend)
    hardware_path = CleanCharField(max_length=255, allow_null=True, allow_blank=True, required=False, default="")
    serial_number = CleanCharField(max_length=255, allow_null=True, allow_blank=True, required=False, default="")
    sample_rates = serializers.ListField(child=Whole(min_value=1, max_value=2_000_000), max_length=64, required=False, default=list)
    channel_count = Whole(min_value=1, max_value=512)
    state = choice(InterfaceState)
    error = CleanCharField(max_length=500, multiline=True, allow_null=True, allow_blank=True, required=False, default="")
    xruns = Whole(min_value=0, max_value=2**62, required=False, default=0)


class ActiveJobBody(Serializer):
    job_id = serializers.UUIDField()
    claim_epoch = Whole(min_value=0, max_value=2**31 - 1)
    phase = CleanCharField(max_length=32)
    bytes_written = Whole(min_value=0, max_value=2**62, required=False, default=0)


class QuarantinedBody(Serializer):
    job_id = serializers.UUIDField()
    bytes = Whole(min_value=0, max_value=2**62)
    sha256 = CleanCharField(max_length=64, allow_null=True, allow_blank=True, required=False)


def _identity() -> CleanCharField:
    return CleanCharField(max_length=64)


class HeartbeatBody(Serializer):
    """POST /nodes/:id/heartbeat; keys left out mean unchanged."""

    agent_instance_id = _identity()
    process_id = _identity()
    seq = Whole(min_value=0, max_value=2**62)
    sent_at = UtcDateTimeField()
    agent_version = CleanCharField(max_length=64, required=False)
    hostname = CleanCharField(max_length=253, required=False, allow_blank=True)
    ip_addresses = serializers.ListField(child=serializers.IPAddressField(), max_length=16, required=False)
    status = choice(ReportedStatus)
    config_version = CleanCharField(max_length=64, allow_null=True, allow_blank=True, required=False)
    runtime = RuntimeBody(required=False)
    clock = ClockBody(required=False)
    disk = DiskBody(required=False)
    interfaces = ReportedInterfaceBody(many=True, required=False)
    active_jobs = ActiveJobBody(many=True, required=False)
    free_slots = Whole(min_value=0, max_value=128, required=False)
    outbox_depth = Whole(min_value=0, max_value=1_000_000, required=False)
    rule_states = serializers.ListField(child=FreeFormField(), max_length=4096, required=False)
    quarantine = QuarantinedBody(many=True, required=False)
    command_results = serializers.ListField(child=FreeFormField(limit_bytes=200_000), max_length=16, required=False)
    extra = FreeFormField(required=False)

    def validate_interfaces(self, value):
        if len(value) > 128:
            raise serializers.ValidationError("At most 128 interfaces.", code="max_length")
        return value

    def validate_active_jobs(self, value):
        if len(value) > 256:
            raise serializers.ValidationError("At most 256 jobs.", code="max_length")
        return value

    def validate_quarantine(self, value):
        if len(value) > 1000:
            raise serializers.ValidationError("At most 1000 entries.", code="max_length")
        return value
