"""Wire shape and body of recording profiles."""

from rest_framework import serializers

from config.kernel.names import camel
from config.kernel.serializers import CleanCharField, ModelSerializer, Serializer, Switch, Whole
from recordings.profiles.models import RecordingProfile
from recordings.profiles.states import ChannelMode, Codec, MediaKind, problems

FIELDS = (
    "name", "enabled", "kind", "is_default", "codec", "bitrate_kbps", "vbr", "bit_depth", "sample_rate", "channel_mode", "max_track_seconds",
    "silence_detection",
)  # fmt: skip


class ProfileSerializer(ModelSerializer):
    class Meta:
        model = RecordingProfile
        fields = ("id", *FIELDS, "revision", "created_at", "updated_at")


class ProfileBody(Serializer):
    """POST (name and codec required) and PATCH; `context["profile"]` is the row that a PATCH changes."""

    name = CleanCharField(min_length=1, max_length=80)
    enabled = Switch(required=False)
    kind = serializers.ChoiceField([kind.value for kind in MediaKind], required=False)
    is_default = Switch(required=False)
    codec = serializers.ChoiceField([codec.value for codec in Codec])
    bitrate_kbps = Whole(min_value=1, max_value=1000, required=False, allow_null=True)
    vbr = Switch(required=False)
    bit_depth = Whole(min_value=8, max_value=64, required=False, allow_null=True)
    sample_rate = Whole(min_value=8000, max_value=384000, required=False, allow_null=True)
    channel_mode = serializers.ChoiceField([mode.value for mode in ChannelMode], required=False)
    max_track_seconds = Whole(min_value=0, max_value=21600, required=False)
    silence_detection = Switch(required=False)

    def validate(self, attrs):
        row = self.context.get("profile") or RecordingProfile()
        checked = ("kind", "codec", "bitrate_kbps", "bit_depth", "sample_rate", "max_track_seconds")
        found = problems(**{name: attrs.get(name, getattr(row, name)) for name in checked})
        if found:
            raise serializers.ValidationError({camel(name): [serializers.ErrorDetail(text, code="invalid")] for name, text in found.items()})
        return attrs
