"""What the production is at this moment: buses, texts, sources and their mix, captions, the replay channel, the program link (04 §3).

Rows are written by `services` under the row of their control room, and name sessions by id: a foreign key would lock the session's row in the
middle of a transaction that holds the room, against the order of row locks.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from config.kernel.ids import uuid7
from config.kernel.models import TimestampedModel
from operators.console.models import ControlRoom
from sessions.control_room.states import SLATE, SLATE_TITLE, SUBTITLE_LENGTH, TITLE_LENGTH, Reason, ReplayState, Signal

_SOURCE = {"max_length": 44}


class Production(TimestampedModel):
    """Program and preview, the slate's and the lower third's texts; one for each control room, made with its first change.

    *_since, *_by   since when and by whom (`{kind, id, name}`) a bus holds its source; null and empty: from the beginning
    return_to       the session that gives way to a replay on program; empty: none
    """

    AUDIT_FIELDS = (
        "program_source", "preview_source", "return_to", "slate_title", "slate_subtitle", "lower_title", "lower_subtitle", "lower_visible",
    )  # fmt: skip

    control_room = models.OneToOneField(ControlRoom, on_delete=models.CASCADE, related_name="production")
    program_source = models.CharField(**_SOURCE, default=SLATE)
    program_since = models.DateTimeField(null=True, blank=True)
    program_by = models.JSONField(default=dict, blank=True)
    program_reason = models.CharField(max_length=12, choices=Reason, default=Reason.INITIAL)
    return_to = models.CharField(**_SOURCE, blank=True)
    preview_source = models.CharField(**_SOURCE, default=SLATE)
    preview_since = models.DateTimeField(null=True, blank=True)
    preview_by = models.JSONField(default=dict, blank=True)
    preview_reason = models.CharField(max_length=12, choices=Reason, default=Reason.INITIAL)
    slate_title = models.CharField(max_length=TITLE_LENGTH, default=SLATE_TITLE)
    slate_subtitle = models.CharField(max_length=SUBTITLE_LENGTH, blank=True)
    lower_title = models.CharField(max_length=TITLE_LENGTH, blank=True)
    lower_subtitle = models.CharField(max_length=SUBTITLE_LENGTH, blank=True)
    lower_visible = models.BooleanField(default=False)
    lower_shown_at = models.DateTimeField(null=True, blank=True)
    lower_hide_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["lower_hide_at"], condition=Q(lower_visible=True), name="lower_third_hides")]

    def __str__(self):
        return f"program {self.program_source}, preview {self.preview_source}"


class ProductionSource(models.Model):
    """A source as the room was told of it. `since`: since when its signal is what it is; gain in tenths of a dB."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    control_room = models.ForeignKey(ControlRoom, on_delete=models.CASCADE, related_name="sources")
    source = models.CharField(**_SOURCE)
    session_id = models.UUIDField(null=True, blank=True)
    label = models.CharField(max_length=80, blank=True)
    signal = models.CharField(max_length=4, choices=Signal, default=Signal.OK)
    since = models.DateTimeField(null=True, blank=True)
    gain_tenths = models.SmallIntegerField(default=0)
    muted = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["control_room", "source"], name="production_source_once"),
            models.CheckConstraint(condition=Q(gain_tenths__range=(-600, 120)), name="production_source_gain"),
        ]

    def __str__(self):
        return self.label or self.source


class CaptionLine(models.Model):
    """One caption. `showing`: it is on air as far as anybody was told; `end_at` is when it went, or will."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    control_room = models.ForeignKey(ControlRoom, on_delete=models.CASCADE, related_name="captions")
    text = models.CharField(max_length=240)
    start_at = models.DateTimeField()
    end_at = models.DateTimeField()
    showing = models.BooleanField(default=True)
    by_id = models.CharField(max_length=64, blank=True)
    by_name = models.CharField(max_length=200, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["control_room", "start_at"], name="caption_line_start"),
            models.Index(fields=["end_at"], condition=Q(showing=True), name="caption_line_showing"),
        ]

    def __str__(self):
        return self.text


class ReplayChannel(TimestampedModel):
    """The one replay channel of a room and the clip that it holds; the clip's file is the recordings' business.

    play_from_ms   where the clip's in point lies in its file · position_ms: where it stood at `started_at`, from the in point
    """

    AUDIT_FIELDS = ("state", "clip_id", "name", "rate")

    control_room = models.OneToOneField(ControlRoom, on_delete=models.CASCADE, related_name="replay_channel")
    state = models.CharField(max_length=7, choices=ReplayState, default=ReplayState.EMPTY)
    clip_id = models.UUIDField(null=True, blank=True)
    session_id = models.UUIDField(null=True, blank=True)
    name = models.CharField(max_length=200, blank=True)
    duration_ms = models.PositiveIntegerField(default=0)
    play_from_ms = models.PositiveIntegerField(default=0)
    position_ms = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    rate = models.FloatField(default=1.0)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(state="empty", clip_id=None) | (~Q(state="empty") & Q(clip_id__isnull=False)), name="replay_channel_holds_a_clip"
            ),
            models.CheckConstraint(
                condition=~Q(state="playing") | Q(started_at__isnull=False, ends_at__isnull=False), name="replay_channel_playing_has_times"
            ),
        ]
        indexes = [models.Index(fields=["ends_at"], condition=Q(state="playing"), name="replay_channel_ends")]

    def __str__(self):
        return f"{self.state} {self.name}".strip()


class ProgramLink(TimestampedModel):
    """The one link that shows program. Its token is derived anew from `generation` (operators.console.links), so no table holds it.

    digest   of the token that works; null before the first one · past: digests that an old link may still carry
    """

    AUDIT_FIELDS = ("enabled", "generation", "expires_at")

    control_room = models.OneToOneField(ControlRoom, on_delete=models.CASCADE, related_name="program_link")
    enabled = models.BooleanField(default=False)
    generation = models.PositiveIntegerField(default=0)
    digest = models.BinaryField(max_length=32, null=True, unique=True)
    past = ArrayField(models.BinaryField(max_length=32), default=list, blank=True)
    last_four = models.CharField(max_length=4, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self):
        return f"program link {self.generation}"


class ViewerRemoval(models.Model):
    """The program link's viewers of a session that left program; they go at `due_at`, unless it comes back before."""

    session_id = models.UUIDField(primary_key=True)
    due_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self):
        return str(self.session_id)
