"""Wire shapes of media."""

from rest_framework import serializers

from config.kernel.serializers import Serializer
from sessions.media.states import Flow


class MediaStatsShape(Serializer):
    """What flows in a session, as its media server measures it."""

    video_backend_ref = serializers.UUIDField()
    provider = serializers.CharField()
    measured = serializers.BooleanField()
    flow = serializers.ChoiceField([flow.value for flow in Flow])
    bitrate_kbps = serializers.IntegerField()
    frames_per_second = serializers.FloatField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    codec = serializers.CharField(allow_blank=True)
    packets_lost = serializers.IntegerField()
    nacks = serializers.IntegerField()
    plis = serializers.IntegerField()
    viewers = serializers.IntegerField()
