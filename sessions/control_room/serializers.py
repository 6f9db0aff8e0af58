"""Wire forms of the production (04 §3, §6)."""

import unicodedata

from rest_framework import serializers

from config.kernel.serializers import CleanCharField, ModelSerializer, Number, Serializer, Switch, UtcDateTimeField
from operators.console.serializers import ConsolePerson
from sessions.control_room.models import CaptionLine
from sessions.control_room.states import (
    CAPTION_LENGTH,
    CAPTION_LINES,
    GAIN_LEAST_DB,
    GAIN_MOST_DB,
    SUBTITLE_LENGTH,
    TITLE_LENGTH,
    Reason,
    ReplayState,
    Signal,
)
from sessions.field.states import Tally


class Gain(Number):
    """dB in tenths."""

    default_error_messages = {"step": "Gain goes in steps of 0.1 dB."}

    def __init__(self, **kwargs):
        super().__init__(min_value=GAIN_LEAST_DB, max_value=GAIN_MOST_DB, **kwargs)

    def to_internal_value(self, data):
        value = super().to_internal_value(data)
        if abs(value * 10 - round(value * 10)) > 1e-6:
            self.fail("step")
        return value


class CaptionText(serializers.CharField):
    """One or two lines."""

    default_error_messages = {"control": "A caption must not contain control characters.", "lines": "A caption has at most two lines."}

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("invalid")
        text = super().to_internal_value(data.replace("\r\n", "\n"))
        if any(unicodedata.category(char) == "Cc" and char != "\n" for char in text):
            self.fail("control")
        if len(text.split("\n")) > CAPTION_LINES:
            self.fail("lines")
        return text


def _source(**kwargs) -> CleanCharField:
    """Of any length: what names no source is absent, not malformed."""
    return CleanCharField(**kwargs)


def _title(**kwargs) -> CleanCharField:
    return CleanCharField(max_length=TITLE_LENGTH, **kwargs)


def _subtitle() -> CleanCharField:
    return CleanCharField(max_length=SUBTITLE_LENGTH, required=False, allow_blank=True)


class BusSourceBody(Serializer):
    """`slate`, `replay` or `session:<id>`."""

    source = _source()


class CutBody(Serializer):
    """Without a source: what preview holds."""

    source = _source(required=False, allow_null=True)


class TakeBody(Serializer):
    """`expect`: what the caller sees on preview."""

    expect = _source(required=False, allow_null=True)


class GainBody(BusSourceBody):
    gain_db = Gain()


class SourceMuteBody(BusSourceBody):
    muted = Switch()


class TitleBody(Serializer):
    title = _title()
    subtitle = _subtitle()


class LowerThirdShowBody(Serializer):
    """What is given is edited first."""

    title = _title(required=False)
    subtitle = _subtitle()
    duration_seconds = Number(min_value=1, max_value=600, required=False, allow_null=True)


class CaptionBody(Serializer):
    text = CaptionText(max_length=CAPTION_LENGTH)
    duration_seconds = Number(min_value=1, max_value=15, required=False, allow_null=True)


class ProgramLinkBody(Serializer):
    """At most 90 days from now; without it the link does not end by itself."""

    expires_at = UtcDateTimeField(required=False, allow_null=True)


# --- shapes ----------------------------------------------------------------------------------------------------------------------


class ByShape(Serializer):
    """Who did it."""

    kind = serializers.CharField()
    id = serializers.CharField(allow_null=True)
    name = serializers.CharField()


class PreviewShape(Serializer):
    source = serializers.CharField()
    since = UtcDateTimeField()
    by = ByShape()
    reason = serializers.ChoiceField(Reason.choices)


class ProgramShape(PreviewShape):
    return_to = serializers.CharField(allow_null=True)


class BusesAnswer(Serializer):
    seq = serializers.IntegerField()
    program = ProgramShape()
    preview = PreviewShape()


class ProductionSourceShape(Serializer):
    source = serializers.CharField()
    label = serializers.CharField()
    signal = serializers.ChoiceField(Signal.choices)
    since = UtcDateTimeField()
    tally = serializers.ChoiceField(Tally.choices)
    gain_db = serializers.FloatField()
    muted = serializers.BooleanField()


class SourceAnswer(Serializer):
    seq = serializers.IntegerField()
    source = ProductionSourceShape()


class LowerThirdShape(Serializer):
    title = serializers.CharField()
    subtitle = serializers.CharField()
    visible = serializers.BooleanField()
    shown_at = UtcDateTimeField(allow_null=True)
    hide_at = UtcDateTimeField(allow_null=True)


class LowerThirdAnswer(Serializer):
    seq = serializers.IntegerField()
    lower_third = LowerThirdShape()


class SlateShape(Serializer):
    title = serializers.CharField()
    subtitle = serializers.CharField()


class SlateAnswer(Serializer):
    seq = serializers.IntegerField()
    slate = SlateShape()


class CaptionShape(ModelSerializer):
    """One line, past or showing."""

    by = serializers.SerializerMethodField()

    class Meta:
        model = CaptionLine
        fields = ["id", "text", "start_at", "end_at", "by"]
        read_only_fields = fields

    def get_by(self, row) -> ConsolePerson:
        return {"id": row.by_id, "name": row.by_name}


class CaptionAnswer(Serializer):
    seq = serializers.IntegerField()
    line = CaptionShape()


class CaptionsAnswer(Serializer):
    seq = serializers.IntegerField()
    captions = CaptionShape(many=True)


class ClipInChannel(Serializer):
    id = serializers.UUIDField()
    session_id = serializers.UUIDField()
    name = serializers.CharField()
    duration_ms = serializers.IntegerField()


class ReplayShape(Serializer):
    state = serializers.ChoiceField(ReplayState.choices)
    clip = ClipInChannel(allow_null=True)
    position_ms = serializers.IntegerField()
    started_at = UtcDateTimeField(allow_null=True)
    ends_at = UtcDateTimeField(allow_null=True)
    rate = serializers.FloatField()


class ReplayAnswer(Serializer):
    """What the transport's routes answer."""

    seq = serializers.IntegerField()
    replay = ReplayShape()


class ProgramLinkShape(Serializer):
    """`url` and `token` null while the link is off, or was made under another SECRET_KEY: then rotate it."""

    enabled = serializers.BooleanField()
    url = serializers.CharField(allow_null=True)
    token = serializers.CharField(allow_null=True)
    generation = serializers.IntegerField()
    expires_at = UtcDateTimeField(allow_null=True)
