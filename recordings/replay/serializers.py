"""Wire forms of marks and clips (07 §9)."""

from rest_framework import serializers

from config.kernel.access import Perm
from config.kernel.references import ScopedReference
from config.kernel.serializers import CleanCharField, ModelSerializer, Number, Serializer, Switch, UtcDateTimeField, Whole
from recordings.library.serializers import TagsField
from recordings.replay.models import ReplayClip, ReplayMark
from recordings.replay.states import ClipStatus


class MarkShape(ModelSerializer):
    recording_id = serializers.UUIDField()

    class Meta:
        model = ReplayMark
        fields = ("id", "session_id", "recording_id", "in_at", "created_by", "created_at")


class ClipShape(ModelSerializer):
    """`playFromMs` and `durationMs` are null until it is ready; `gaps` count from the in point."""

    status = serializers.ChoiceField([status.value for status in ClipStatus])
    gaps = serializers.ListField(child=serializers.DictField())

    class Meta:
        model = ReplayClip
        fields = (
            "id", "session_id", "session_label", "recording_id", "name", "tags", "pinned", "status", "failure", "in_at", "out_at", "duration_ms",
            "play_from_ms", "gaps", "mime_type", "size", "sha256", "ready_at", "created_by", "created_at", "updated_at", "revision",
        )  # fmt: skip


class MarkAnswer(Serializer):
    mark = MarkShape()


class ClipAnswer(Serializer):
    clip = ClipShape()


class PlaybackAnswer(Serializer):
    playback_id = serializers.UUIDField()
    stream_url = serializers.CharField()
    mime_type = serializers.CharField()
    play_from_ms = serializers.IntegerField()
    duration_ms = serializers.IntegerField()
    expires_at = UtcDateTimeField()


class _OfSession(Serializer):
    # Which sessions a room knows is the room's to say: `marking.demand_session`.
    session_id = ScopedReference("session", Perm.CONTROL_ROOM_READ, keep_id=True, unknown_stays=True)


class MarkInBody(_OfSession):
    at = UtcDateTimeField(required=False, allow_null=True)


class MarkOutBody(MarkInBody):
    name = CleanCharField(max_length=120, required=False, allow_blank=True)


class QuickBody(_OfSession):
    last_seconds = Number(min_value=1, max_value=60, required=False)
    name = CleanCharField(max_length=120, required=False, allow_blank=True)


class RateField(serializers.ChoiceField):
    """A speed; 1 and 1.0 are one number, which a choice by its text would not know."""

    def to_internal_value(self, data):
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(float(data))


class PlayBody(Serializer):
    """Without a clip: the one that is loaded goes on, from `fromMs` if that is given."""

    clip_id = ScopedReference("replay_clip", Perm.CONTROL_ROOM_READ, keep_id=True, unknown_stays=True, required=False, allow_null=True)
    rate = RateField([0.25, 0.5, 1.0], required=False, allow_null=True)
    from_ms = Whole(min_value=0, max_value=300_000, required=False, allow_null=True)


class NewClip(Serializer):
    recording_id = ScopedReference("recording", Perm.RECORDING_CREATE, source="recording")
    in_seconds = Number(min_value=0, max_value=10**7)
    out_seconds = Number(min_value=0, max_value=10**7)
    name = CleanCharField(max_length=120, required=False, allow_blank=True)


class ClipBody(Serializer):
    name = CleanCharField(min_length=1, max_length=120, required=False)
    tags = TagsField(required=False)
    pinned = Switch(required=False)
