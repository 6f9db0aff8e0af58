"""How a recording is encoded."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from config.kernel.models import TimestampedModel
from recordings.choices import choices
from recordings.profiles.states import ChannelMode, Codec, MediaKind


class RecordingProfile(TimestampedModel):
    """A named choice of codec, channels and track length. Jobs keep a snapshot, so editing one changes no running capture.

    bitrate_kbps       mp3 32–320, opus 16–512, else null; bit_depth: wav 16·24·32, flac 16·24, else null
    sample_rate        Hz, null = the device's
    max_track_seconds  0 = one file, else 60–21600
    silence_detection  marks silent spans in the analysis; it never cuts
    """

    AUDIT_FIELDS = (
        "name", "enabled", "kind", "is_default", "codec", "bitrate_kbps", "vbr", "bit_depth", "sample_rate", "channel_mode",
        "max_track_seconds", "silence_detection",
    )  # fmt: skip

    name = models.CharField(max_length=80)
    enabled = models.BooleanField(default=True)
    kind = models.CharField(max_length=8, choices=choices(MediaKind), default=MediaKind.AUDIO)
    is_default = models.BooleanField(default=False)
    codec = models.CharField(max_length=12, choices=choices(Codec))
    bitrate_kbps = models.PositiveSmallIntegerField(null=True, blank=True)
    vbr = models.BooleanField(default=False)
    bit_depth = models.PositiveSmallIntegerField(null=True, blank=True)
    sample_rate = models.PositiveIntegerField(null=True, blank=True)
    channel_mode = models.CharField(max_length=20, choices=choices(ChannelMode), default=ChannelMode.MONO)
    max_track_seconds = models.PositiveIntegerField(default=0)
    silence_detection = models.BooleanField(default=True)

    class Meta:
        default_permissions = ()
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(Lower("name"), name="profile_name_once"),
            models.UniqueConstraint(fields=["kind"], condition=Q(is_default=True), name="profile_one_default"),
            models.CheckConstraint(
                condition=Q(kind="video", codec="passthrough") | Q(kind="audio", codec__in=["mp3", "flac", "wav", "opus"]), name="profile_kind_codec"
            ),
            models.CheckConstraint(
                condition=Q(codec="mp3", bitrate_kbps__range=(32, 320))
                | Q(codec="opus", bitrate_kbps__range=(16, 512))
                | (~Q(codec__in=["mp3", "opus"]) & Q(bitrate_kbps=None)),
                name="profile_bitrate",
            ),
            models.CheckConstraint(
                condition=Q(codec="wav", bit_depth__in=[16, 24, 32])
                | Q(codec="flac", bit_depth__in=[16, 24])
                | (~Q(codec__in=["wav", "flac"]) & Q(bit_depth=None)),
                name="profile_bit_depth",
            ),
            models.CheckConstraint(
                condition=Q(sample_rate=None)
                | Q(codec="opus", sample_rate=48000)
                | Q(codec="mp3", sample_rate__lte=48000)
                | Q(codec__in=["wav", "flac"]),
                name="profile_rate",
            ),
            models.CheckConstraint(condition=Q(max_track_seconds=0) | Q(max_track_seconds__range=(60, 21600)), name="profile_track_seconds"),
        ]

    def __str__(self):
        return self.name
