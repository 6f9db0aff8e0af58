"""The app's tables in the admin. Profiles are edited here by the services of the API; everything else is to look at."""

from django.contrib import admin

from config.kernel.access import Perm
from config.kernel.admin import TallyAdmin
from operators.access.grants_admin import GrantsAdmin
from recordings.models import Disposal, IncomingFile, Job, Marker, MediaGrant, Recording, RecordingFile, RecordingProfile
from recordings.profiles import services
from recordings.profiles.serializers import FIELDS
from recordings.replay import admin as replay_admin

__all__ = ["replay_admin"]


@admin.register(RecordingProfile)
class RecordingProfileAdmin(TallyAdmin):
    view_permission = Perm.SETTINGS_READ
    change_permission = Perm.SETTINGS_MANAGE
    list_display = ["name", "kind", "codec", "channel_mode", "enabled", "is_default"]
    list_filter = ["kind", "codec", "enabled"]
    search_fields = ["name"]
    fields = FIELDS

    def update(self, request, obj, form):
        services.edit(actor=request.actor, profile=obj, body={name: form.cleaned_data[name] for name in form.changed_data})


@admin.register(Recording)
class RecordingAdmin(GrantsAdmin):
    view_permission = Perm.RECORDING_READ
    list_display = ["name", "folder", "status", "health_status", "node_label", "sort_at", "duration_seconds", "cache_state"]
    list_filter = ["status", "source", "kind", "cache_state", "partial", "legal_hold"]
    search_fields = ["search_text"]
    date_hierarchy = "sort_at"


@admin.register(RecordingFile)
class RecordingFileAdmin(TallyAdmin):
    view_permission = Perm.RECORDING_READ
    list_display = ["recording", "role", "state", "mime_type", "size", "stored_at", "analysis_status"]
    list_filter = ["state", "role", "analysis_status", "mime_type"]
    search_fields = ["sha256", "path"]
    list_select_related = ["recording"]


@admin.register(Job)
class JobAdmin(TallyAdmin):
    view_permission = Perm.RECORDING_READ
    list_display = ["recording", "attempt", "status", "phase", "lease_state", "node", "capture_start_at", "failure_reason"]
    list_filter = ["status", "lease_state", "phase", "failure_reason"]
    list_select_related = ["recording", "node"]


@admin.register(IncomingFile)
class IncomingFileAdmin(TallyAdmin):
    view_permission = Perm.RECORDING_READ
    list_display = ["job", "track_index", "offset", "total", "verifying", "updated_at"]
    list_select_related = ["job__recording"]


@admin.register(Marker)
class MarkerAdmin(TallyAdmin):
    view_permission = Perm.RECORDING_READ
    list_display = ["recording", "at_seconds", "label", "created_by"]
    list_select_related = ["recording"]


@admin.register(MediaGrant)
class MediaGrantAdmin(TallyAdmin):
    view_permission = Perm.RECORDING_READ
    list_display = ["recording", "purpose", "holder_kind", "holder_id", "created_at", "expires_at"]
    list_filter = ["purpose"]
    list_select_related = ["recording"]
    # The id is the link; whoever looks at the list has no use for another's.
    exclude = ["id"]


@admin.register(Disposal)
class DisposalAdmin(TallyAdmin):
    view_permission = Perm.RECORDING_READ
    list_display = ["recording_name", "state", "cause", "size", "actor_label", "created_at", "unlink_after", "ended_at"]
    list_filter = ["state", "cause"]
    search_fields = ["recording_name", "sha256"]
