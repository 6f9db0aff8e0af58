"""Wire shapes of recordings, files and markers, and the bodies of their routes."""

from rest_framework import serializers

from config.kernel.access import Perm
from config.kernel.references import ScopedReference
from config.kernel.serializers import BulkIds, CleanCharField, ModelSerializer, Number, Serializer, Whole
from nodes.fleet.states import Backend
from recordings.library import text
from recordings.library.models import Marker, Recording, RecordingFile

_LEVELS = 8


class FileSerializer(ModelSerializer):
    """`file` of a recording."""

    class Meta:
        model = RecordingFile
        fields = ("id", "file_name", "mime_type", "codec", "sample_rate", "channels", "size", "sha256")


class FileDetailSerializer(ModelSerializer):
    """A file with its attempt, place and analysis."""

    class Meta:
        model = RecordingFile
        fields = (
            "id", "job_id", "claim_epoch", "track_index", "role", "state", "file_name", "mime_type", "codec", "sample_rate", "channels", "frames",
            "duration_seconds", "size", "sha256", "stored_at", "analysis_status", "playable", "loudness", "silent_spans",
        )  # fmt: skip


class RecordingSerializer(ModelSerializer):
    """A recording as lists, details and events show it."""

    recording_profile_id = serializers.UUIDField(source="profile_id")
    file = FileSerializer(source="primary_file", allow_null=True)
    node_id = serializers.UUIDField(allow_null=True)

    class Meta:
        model = Recording
        fields = (
            "id", "kind", "source", "name", "folder", "tags", "notes", "transcript_snippets", "status", "health_status", "watchdog_coverage",
            "planned_start_at", "planned_end_at", "recorded_at", "ended_at", "duration_seconds", "partial", "partial_reasons", "gaps",
            "clock_corrected", "node_id", "node_label", "interface_id", "interface_label", "session_id", "session_label", "schedule_id",
            "schedule_label", "occurrence_key", "recording_profile_id", "profile_label", "upload_policy_id", "retention_policy_id",
            "watchdog_policy_id", "track_group_id", "track_index", "track_total", "file", "cache_state", "upload_state", "waveform_preview",
            "loudness", "analysis_status", "playable", "legal_hold", "expires_at", "preserved_until", "deleted_at", "created_by", "created_at",
            "updated_at", "revision",
        )  # fmt: skip


class MarkerSerializer(ModelSerializer):
    """A person's mark (`derived` false) or one made from gaps and silence."""

    derived = serializers.SerializerMethodField()
    kind = serializers.SerializerMethodField()

    def get_derived(self, row) -> bool:
        return False

    def get_kind(self, row) -> str:
        return "mark"

    class Meta:
        model = Marker
        fields = ("id", "at_seconds", "label", "kind", "derived", "created_by", "created_at")


class NewMarker(Serializer):
    at_seconds = Number(min_value=0, max_value=31 * 86400)
    label = CleanCharField(min_length=1, max_length=120)


def valid_folder(value: str) -> str:
    """`a/b/c`: at most 8 levels, none empty, `.` or `..`."""
    value = value.strip("/")
    levels = [level.strip() for level in value.split("/")] if value else []
    if len(levels) > _LEVELS or any(level in {"", ".", ".."} for level in levels):
        raise serializers.ValidationError(f"A folder has at most {_LEVELS} levels, none of them empty, . or ..", code="folder_invalid")
    return "/".join(levels)


class TagsField(serializers.ListField):
    """≤ 32 tags of ≤ 48 characters, unique ignoring case (the first spelling stays)."""

    def __init__(self, **kwargs):
        super().__init__(child=CleanCharField(min_length=1, max_length=48), max_length=32, **kwargs)

    def to_internal_value(self, data):
        return text.unique_tags(super().to_internal_value(data))


class _Foldered(Serializer):
    def validate_folder(self, value):
        return valid_folder(value)


def _policy(kind: str, **kwargs) -> ScopedReference:
    """A policy that a recording follows; setting it on one that exists is a setting as well."""
    return ScopedReference(kind, Perm.SETTINGS_READ, keep_id=True, required=False, allow_null=True, **kwargs)


# What only a capture on a node can be asked: key → its name on the wire.
_OF_NODES = {"capture_interface_id": "captureInterfaceId", "capture_backend": "captureBackend"}


class StartBody(_Foldered):
    """POST /recordings."""

    node_id = ScopedReference("node", Perm.RECORDING_CREATE, required=False, allow_null=True, source="node")
    session_id = ScopedReference("session", Perm.RECORDING_CREATE, required=False, allow_null=True, source="session")
    name = CleanCharField(max_length=240, required=False, allow_blank=True)
    folder = CleanCharField(max_length=240, required=False, allow_blank=True)
    tags = TagsField(required=False)
    duration_seconds = Whole(min_value=1, max_value=604800, required=False, allow_null=True)
    recording_profile_id = ScopedReference("recording_profile", Perm.SETTINGS_READ, required=False, allow_null=True, source="profile")
    upload_policy_id = _policy("upload_policy")
    retention_policy_id = _policy("retention_policy")
    capture_interface_id = ScopedReference("interface", Perm.RECORDING_CREATE, keep_id=True, required=False, allow_null=True)
    capture_backend = serializers.ChoiceField([backend.value for backend in Backend], required=False, allow_null=True)

    def validate(self, attrs):
        if (attrs.get("node") is None) == (attrs.get("session") is None):
            raise serializers.ValidationError(
                {"nodeId": [serializers.ErrorDetail("Name a node or a session: exactly one of them.", code="exactly_one")]}
            )
        for name, path in _OF_NODES.items() if attrs.get("session") is not None else ():
            if attrs.get(name) is not None:
                raise serializers.ValidationError({path: [serializers.ErrorDetail("A session has no such thing.", code="node_only")]})
        return attrs


class StopBody(Serializer):
    reason = CleanCharField(max_length=500, required=False, allow_blank=True, multiline=True)


class MetadataBody(_Foldered):
    """PATCH /recordings/:id/metadata."""

    name = CleanCharField(min_length=1, max_length=240, required=False)
    folder = CleanCharField(max_length=240, required=False, allow_blank=True)
    tags = TagsField(required=False)
    notes = CleanCharField(max_length=2000, required=False, allow_blank=True, multiline=True)
    transcript_snippets = serializers.ListField(child=CleanCharField(max_length=500, multiline=True), max_length=20, required=False)
    retention_policy_id = _policy("retention_policy", needs=Perm.SETTINGS_MANAGE)
    upload_policy_id = _policy("upload_policy", needs=Perm.SETTINGS_MANAGE)


class BulkMetadataBody(_Foldered, BulkIds):
    """PATCH /recordings/bulk-metadata: a folder and tags to add or remove, or tags that replace all."""

    folder = CleanCharField(max_length=240, required=False, allow_blank=True)
    add_tags = TagsField(required=False)
    remove_tags = TagsField(required=False)
    replace_tags = TagsField(required=False)
    retention_policy_id = _policy("retention_policy", needs=Perm.SETTINGS_MANAGE)
    upload_policy_id = _policy("upload_policy", needs=Perm.SETTINGS_MANAGE)

    def validate(self, attrs):
        if "replace_tags" in attrs and {"add_tags", "remove_tags", "folder"} & set(attrs):
            raise serializers.ValidationError("Replace the tags, or add and remove some: not both.", code="conflict")
        if set(attrs) == {"ids"}:
            raise serializers.ValidationError("Say what to change.", code="empty")
        return attrs


class BulkDeleteBody(BulkIds):
    reason = CleanCharField(max_length=500, required=False, allow_blank=True, multiline=True)


class LinkBody(Serializer):
    """POST …/playback and …/download."""

    file_id = ScopedReference("recording_file", Perm.RECORDING_READ, keep_id=True, required=False, allow_null=True)
