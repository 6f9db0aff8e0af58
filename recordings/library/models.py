"""What was recorded: recordings, their files, markers, links and the manifest of what was removed."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from config.kernel.access import Perm
from config.kernel.ids import uuid7
from config.kernel.models import TimestampedModel
from nodes.fleet.models import Node
from operators.access.grants import GroupGrant, UserGrant
from recordings.choices import choices
from recordings.library.states import (
    AnalysisStatus,
    CacheState,
    FileRole,
    FileState,
    HealthStatus,
    RecordingStatus,
    Source,
    UploadState,
)
from recordings.profiles.models import RecordingProfile
from recordings.profiles.states import MediaKind

_PERMISSIONS = (
    Perm.RECORDING_READ,
    Perm.RECORDING_PLAYBACK,
    Perm.RECORDING_DOWNLOAD,
    Perm.RECORDING_CREATE,
    Perm.RECORDING_CONTROL,
    Perm.RECORDING_EDIT,
    Perm.RECORDING_DELETE,
)


class Recording(TimestampedModel):
    """One captured thing, from the request on. Labels beside ids are snapshots; the status is written by `library.status` only.

    sort_at          recorded_at, else created_at: what lists sort by
    tag_keys         tags, case folded; search_text: everything that search looks in, folded (`library.text`)
    gaps             [{"atSeconds", "lengthSeconds", "cause"}]
    waveform_preview {"peaks" ≤ 256 of 0..1, "channelCount", "sampleRate", "sampleCount"}; loudness as in `library.loudness`
    track_total      null while the job is open
    """

    AUDIT_FIELDS = ("name", "folder", "tags", "status", "retention_policy_id", "upload_policy_id", "deleted_at", "partial", "track_index")

    kind = models.CharField(max_length=8, choices=choices(MediaKind), default=MediaKind.AUDIO)
    source = models.CharField(max_length=8, choices=choices(Source))
    name = models.CharField(max_length=240)
    folder = models.CharField(max_length=240, blank=True)
    tags = ArrayField(models.CharField(max_length=48), default=list, blank=True)
    tag_keys = ArrayField(models.CharField(max_length=96), default=list, blank=True, editable=False)
    notes = models.TextField(blank=True, max_length=2000)
    transcript_snippets = ArrayField(models.CharField(max_length=500), default=list, blank=True)
    search_text = models.TextField(blank=True, editable=False)
    status = models.CharField(max_length=12, choices=choices(RecordingStatus), default=RecordingStatus.QUEUED)
    health_status = models.CharField(max_length=8, choices=choices(HealthStatus), default=HealthStatus.UNKNOWN)
    watchdog_coverage = models.FloatField(null=True, blank=True)

    planned_start_at = models.DateTimeField()
    planned_end_at = models.DateTimeField(null=True, blank=True)
    recorded_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    sort_at = models.DateTimeField()
    duration_seconds = models.FloatField(null=True, blank=True)
    size_bytes = models.BigIntegerField(default=0)
    partial = models.BooleanField(default=False)
    partial_reasons = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    gaps = models.JSONField(default=list, blank=True)
    clock_corrected = models.BooleanField(default=False)

    node = models.ForeignKey(Node, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    node_label = models.CharField(max_length=240, blank=True)
    interface_id = models.UUIDField(null=True, blank=True)
    interface_label = models.CharField(max_length=255, blank=True)
    session_id = models.UUIDField(null=True, blank=True)
    session_label = models.CharField(max_length=240, blank=True)
    schedule_id = models.UUIDField(null=True, blank=True)
    schedule_label = models.CharField(max_length=240, blank=True)
    occurrence_key = models.CharField(max_length=80, null=True, blank=True)
    profile = models.ForeignKey(RecordingProfile, on_delete=models.PROTECT, related_name="recordings")
    profile_label = models.CharField(max_length=80)
    upload_policy_id = models.UUIDField(null=True, blank=True)
    retention_policy_id = models.UUIDField(null=True, blank=True)
    watchdog_policy_id = models.UUIDField(null=True, blank=True)
    created_by = models.CharField(max_length=240, blank=True)

    track_group_id = models.UUIDField(null=True, blank=True)
    track_index = models.PositiveIntegerField(default=1)
    track_total = models.PositiveIntegerField(null=True, blank=True)

    primary_file = models.ForeignKey("RecordingFile", on_delete=models.DO_NOTHING, null=True, blank=True, related_name="+")
    cache_state = models.CharField(max_length=8, choices=choices(CacheState), default=CacheState.MISSING)
    upload_state = models.CharField(max_length=8, choices=choices(UploadState), default=UploadState.NONE)
    waveform_preview = models.JSONField(null=True, blank=True)
    loudness = models.JSONField(null=True, blank=True)
    analysis_status = models.CharField(max_length=8, choices=choices(AnalysisStatus), default=AnalysisStatus.PENDING)
    playable = models.BooleanField(default=False)
    legal_hold = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    preserved_until = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["-sort_at", "-id"]
        permissions = [
            ("scope_recording", "this recording is in reach"),
            *((perm.codename, perm.value) for perm in _PERMISSIONS),
        ]
        constraints = [
            models.CheckConstraint(
                condition=(Q(source="session", node=None) & ~Q(session_id=None)) | (~Q(source="session") & Q(session_id=None) & ~Q(node=None)),
                name="recording_source_session",
            ),
            models.CheckConstraint(
                condition=(Q(source="schedule") & ~Q(schedule_id=None) & ~Q(occurrence_key=None)) | (~Q(source="schedule") & Q(occurrence_key=None)),
                name="recording_source_schedule",
            ),
            models.UniqueConstraint(fields=["track_group_id", "track_index"], name="recording_track_once"),
            models.CheckConstraint(condition=~Q(status__in=["cached", "uploaded"]) | ~Q(primary_file=None), name="recording_cached_has_file"),
            models.CheckConstraint(
                condition=Q(deleted_at=None) | Q(status__in=["cached", "uploaded", "failed", "cancelled"]), name="recording_deleted_is_terminal"
            ),
            models.CheckConstraint(condition=Q(legal_hold=False) | Q(deleted_at=None, expires_at=None), name="recording_hold_keeps"),
        ]
        indexes = [
            models.Index(F("sort_at").desc(), F("id").desc(), name="recording_newest"),
            models.Index(fields=["status"], condition=Q(status__in=["queued", "recording", "completed"]), name="recording_active"),
            models.Index(fields=["node", "-sort_at"], name="recording_by_node"),
            models.Index(fields=["folder"], name="recording_folder"),
            models.Index(fields=["deleted_at"], condition=~Q(deleted_at=None), name="recording_trash"),
            GinIndex(fields=["tag_keys"], name="recording_tags"),
            GinIndex(fields=["search_text"], opclasses=["gin_trgm_ops"], name="recording_search"),
        ]

    def __str__(self):
        return self.name


class RecordingUserGrant(UserGrant):
    """A user's reach of a recording; written by `operators.access` only."""

    content_object = models.ForeignKey(Recording, on_delete=models.CASCADE)

    class Meta(UserGrant.Meta):
        pass


class RecordingGroupGrant(GroupGrant):
    """A group's reach of a recording; written by `operators.access` only."""

    content_object = models.ForeignKey(Recording, on_delete=models.CASCADE)

    class Meta(GroupGrant.Meta):
        pass


class RecordingFile(models.Model):
    """One attempt's file of one track. The longest present one is primary. `path` is relative to MEDIA_ROOT.

    analysis_due_at   when the analysis may be tried again; null once ready or given up
    silent_spans      [{"fromSeconds", "toSeconds"}], all channels below −60 dBFS for ≥ 2 s
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="files")
    job = models.ForeignKey("Job", on_delete=models.CASCADE, related_name="files")
    claim_epoch = models.PositiveIntegerField()
    track_index = models.PositiveIntegerField(default=1)
    role = models.CharField(max_length=10, choices=choices(FileRole), default=FileRole.PRIMARY)
    state = models.CharField(max_length=8, choices=choices(FileState), default=FileState.PRESENT)
    path = models.CharField(max_length=300, unique=True)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    mime_type = models.CharField(max_length=60)
    file_name = models.CharField(max_length=255, blank=True)
    codec = models.CharField(max_length=40, blank=True)
    sample_rate = models.PositiveIntegerField(null=True, blank=True)
    channels = models.PositiveSmallIntegerField(null=True, blank=True)
    frames = models.BigIntegerField(null=True, blank=True)
    duration_seconds = models.FloatField(null=True, blank=True)
    capture_start_at = models.DateTimeField(null=True, blank=True)
    capture_end_at = models.DateTimeField(null=True, blank=True)
    stored_at = models.DateTimeField()

    analysis_status = models.CharField(max_length=8, choices=choices(AnalysisStatus), default=AnalysisStatus.PENDING)
    analysis_attempts = models.PositiveSmallIntegerField(default=0)
    analysis_due_at = models.DateTimeField(null=True, blank=True)
    analysis_error = models.CharField(max_length=500, blank=True)
    playable = models.BooleanField(default=False)
    loudness = models.JSONField(null=True, blank=True)
    silent_spans = models.JSONField(default=list, blank=True)
    waveform_preview = models.JSONField(null=True, blank=True)
    peaks_path = models.CharField(max_length=300, blank=True)
    rendition_path = models.CharField(max_length=300, blank=True)
    rendition_mime_type = models.CharField(max_length=60, blank=True)
    rendition_size = models.BigIntegerField(null=True, blank=True)
    rendition_sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["-stored_at"]
        constraints = [
            models.UniqueConstraint(fields=["job", "claim_epoch", "track_index"], name="file_once_per_claim"),
            models.UniqueConstraint(fields=["recording"], condition=Q(role="primary"), name="file_one_primary"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="file_sha256"),
            models.CheckConstraint(condition=Q(size__gt=0), name="file_not_empty"),
        ]
        indexes = [
            models.Index(fields=["analysis_due_at"], condition=~Q(analysis_due_at=None), name="file_analysis_due"),
            models.Index(fields=["stored_at"], name="file_stored"),
        ]

    def __str__(self):
        return self.path


class Marker(models.Model):
    """A person's mark in a recording; gaps and silent spans appear beside them as derived ones."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="markers")
    at_seconds = models.FloatField()
    label = models.CharField(max_length=120)
    created_by = models.CharField(max_length=240, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        ordering = ["at_seconds", "id"]
        constraints = [models.CheckConstraint(condition=Q(at_seconds__gte=0), name="marker_not_negative")]

    def __str__(self):
        return self.label


class MediaGrant(models.Model):
    """A link to one file for one caller: it names what may be fetched until when; the caller's own credential is still asked.

    purpose   `playback` (4 h, inline) or `download` (10 min, attachment); rendition: the file's rendition is served instead
    """

    class Purpose(models.TextChoices):
        PLAYBACK = "playback"
        DOWNLOAD = "download"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    holder_kind = models.CharField(max_length=20)
    holder_id = models.CharField(max_length=64)
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="grants")
    file = models.ForeignKey(RecordingFile, on_delete=models.CASCADE, related_name="grants")
    rendition = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["holder_kind", "holder_id", "purpose", "expires_at"], name="grant_open")]

    def __str__(self):
        return f"{self.purpose} {self.id}"
