"""Marks and clips to look at."""

from django.contrib import admin

from config.kernel.access import Perm
from config.kernel.admin import TallyAdmin
from recordings.replay.models import ClipGrant, ReplayClip, ReplayMark


@admin.register(ReplayMark)
class ReplayMarkAdmin(TallyAdmin):
    view_permission = Perm.RECORDING_READ
    list_display = ["recording", "in_at", "closed_at", "created_by"]
    list_select_related = ["recording"]


@admin.register(ReplayClip)
class ReplayClipAdmin(TallyAdmin):
    view_permission = Perm.RECORDING_READ
    list_display = ["name", "session_label", "status", "pinned", "in_at", "duration_ms", "size", "deleted_at"]
    list_filter = ["status", "pinned"]
    search_fields = ["name", "session_label"]
    date_hierarchy = "created_at"


@admin.register(ClipGrant)
class ClipGrantAdmin(TallyAdmin):
    view_permission = Perm.RECORDING_READ
    list_display = ["clip", "holder_kind", "holder_id", "created_at", "expires_at"]
    list_select_related = ["clip"]
    # The id is the link; whoever looks at the list has no use for another's.
    exclude = ["id"]
