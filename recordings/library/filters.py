"""Filters, search, sorts and facets of the library."""

from django.db.models import F, FloatField, Q, Value
from django.db.models.functions import Coalesce

from config.kernel.filters import AllOf, Choice, Each, FilterSet, Flag, Moment, Number, Text, Uuid
from recordings.library.states import CacheState, HealthStatus, RecordingStatus, Source, UploadState
from recordings.library.text import fold, tag_key
from recordings.profiles.states import MediaKind


class Folder(Text):
    """A folder and everything below it."""

    def q(self, values):
        combined = Q()
        for value in values:
            combined |= Q(folder=value.strip("/")) | Q(folder__startswith=value.strip("/") + "/")
        return combined


class Tag(AllOf):
    """All of these tags, ignoring case."""

    def parse(self, text):
        return tag_key(super().parse(text))


class Expiring(Flag):
    """Whether an expiry is set."""

    def q(self, values):
        return Q(expires_at__isnull=not values[-1])


class Deleted(Flag):
    """true: what is in the trash (needs recording:delete) instead of what is not."""

    def apply(self, queryset, values):
        return queryset


class RecordingFilters(FilterSet):
    status = Choice("status", choices=RecordingStatus)
    kind = Choice("kind", choices=MediaKind)
    source = Choice("source", choices=Source)
    health_status = Choice("health_status", choices=HealthStatus)
    cache_state = Choice("cache_state", choices=CacheState)
    upload_state = Choice("upload_state", choices=UploadState)
    node_id = Uuid("node_id")
    session_id = Uuid("session_id")
    schedule_id = Uuid("schedule_id")
    recording_profile_id = Uuid("profile_id")
    upload_policy_id = Uuid("upload_policy_id")
    retention_policy_id = Uuid("retention_policy_id")
    track_group_id = Uuid("track_group_id")
    tag = Tag("tag_keys", doc="All of these tags, ignoring case.")
    folder = Folder("folder", doc="This folder and those below it.")
    recorded_from = Moment("sort_at__gte")
    recorded_to = Moment("sort_at__lt")
    duration_min = Number("duration_seconds__gte", doc="Seconds.")
    duration_max = Number("duration_seconds__lte", doc="Seconds.")
    partial = Flag("partial")
    legal_hold = Flag("legal_hold")
    playable = Flag("playable")
    expiring = Expiring("expires_at")
    deleted = Deleted("deleted_at", doc="true: what is in the trash; needs recording:delete.")
    search_fields = ("search_text",)
    sorts = {
        "recordedAt": "sort_at", "createdAt": "created_at", "name": "name", "folder": "folder", "durationSeconds": "duration_sort", "size": "size_bytes",
        "status": "status", "healthStatus": "health_status", "source": "source",
    }  # fmt: skip
    default_sort = "-recordedAt"
    facet_fields = {
        "status": "status", "kind": "kind", "source": "source", "healthStatus": "health_status", "folder": "folder", "nodeId": "node_id",
        "scheduleId": "schedule_id", "recordingProfileId": "profile_id", "tag": Each("tags"), "trackGroupId": "track_group_id",
        "uploadPolicyId": "upload_policy_id",
    }  # fmt: skip

    @property
    def wants_trash(self) -> bool:
        return self.values.get("deleted", [False])[-1]

    def apply(self, queryset, *, without=None):
        queryset = super().apply(queryset, without=without).filter(deleted_at__isnull=not self.wants_trash)
        # A known length before an unknown one costs a sort; only that order asks for it.
        return queryset.annotate(duration_sort=Coalesce(F("duration_seconds"), Value(0.0), output_field=FloatField()))

    def search(self, queryset):
        """Every word within the folded text: case and accents don't count, a trigram index helps."""
        for word in fold(self.text).split():
            queryset = queryset.filter(search_text__contains=word)
        return queryset
