"""Marks, clips and the links to clips. A clip outlives its recording, so it names recording and session by id and label."""

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from config.kernel.ids import uuid7
from config.kernel.models import TimestampedModel
from recordings.choices import choices
from recordings.library.models import Recording
from recordings.replay.states import LONGEST_MS, SHORTEST_MS, ClipStatus, Failure


class ReplayMark(TimestampedModel):
    """An in point without an out point; one can be open for each session. Written by `replay.marking` only."""

    AUDIT_FIELDS = ("in_at", "closed_at")

    session_id = models.UUIDField()
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="replay_marks")
    in_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=240, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["session_id"], condition=Q(closed_at=None), name="replay_mark_one_open")]

    def __str__(self):
        return f"{self.session_id} {self.in_at:%H:%M:%S}"


class ReplayClip(TimestampedModel):
    """A piece of a session's recording with a file of its own. Written by `replay.marking`, `replay.clips` and `replay.processing` only.

    next_at       when somebody may look at it next; ahead of now while somebody does
    play_from_ms  the in point in the file; duration_ms from there on
    gaps          [{"atSeconds" from the in point, "lengthSeconds", "cause"}]
    path          relative to MEDIA_ROOT; empty until it is ready
    """

    AUDIT_FIELDS = ("name", "tags", "pinned", "status", "in_at", "out_at", "deleted_at")

    session_id = models.UUIDField(db_index=True)
    session_label = models.CharField(max_length=240, blank=True)
    recording_id = models.UUIDField(db_index=True)
    name = models.CharField(max_length=120)
    tags = ArrayField(models.CharField(max_length=48), default=list, blank=True)
    tag_keys = ArrayField(models.CharField(max_length=96), default=list, blank=True, editable=False)
    pinned = models.BooleanField(default=False)
    in_at = models.DateTimeField()
    out_at = models.DateTimeField()
    status = models.CharField(max_length=8, choices=choices(ClipStatus), default=ClipStatus.PENDING)
    failure = models.CharField(max_length=20, choices=choices(Failure), blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    path = models.CharField(max_length=300, blank=True)
    size = models.BigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    mime_type = models.CharField(max_length=60, blank=True)
    play_from_ms = models.PositiveIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    gaps = models.JSONField(default=list, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=240, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(out_at__gte=F("in_at") + timedelta(milliseconds=SHORTEST_MS))
                & Q(out_at__lte=F("in_at") + timedelta(milliseconds=LONGEST_MS)),
                name="replay_clip_length",
            ),
            models.CheckConstraint(
                condition=~Q(status="ready")
                | (~Q(path="") & Q(size__gt=0, sha256__regex=r"^[0-9a-f]{64}$", play_from_ms__isnull=False, duration_ms__gt=0)),
                name="replay_clip_ready_has_file",
            ),
            models.CheckConstraint(condition=Q(next_at__isnull=False) | ~Q(status__in=["pending", "cutting"]), name="replay_clip_open_is_due"),
        ]
        indexes = [
            models.Index(F("created_at").desc(), F("id").desc(), name="replay_clip_newest"),
            models.Index(fields=["next_at"], condition=Q(status__in=["pending", "cutting"]), name="replay_clip_due"),
            GinIndex(fields=["tag_keys"], name="replay_clip_tags"),
        ]

    def __str__(self):
        return self.name


class ClipGrant(models.Model):
    """A link to a clip for one caller, four hours; the caller's own credential is asked again at every use."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    clip = models.ForeignKey(ReplayClip, on_delete=models.CASCADE, related_name="grants")
    holder_kind = models.CharField(max_length=20)
    holder_id = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["holder_kind", "holder_id", "expires_at"], name="clip_grant_open")]

    def __str__(self):
        return f"playback {self.id}"
