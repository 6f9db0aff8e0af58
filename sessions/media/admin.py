"""Media inputs and what happened in them, to look at. URLs, tokens and provider ids are shown nowhere."""

from django.contrib import admin

from config.kernel.access import Perm
from config.kernel.admin import TallyAdmin
from sessions.media.models import MediaEvent, MediaInput, MediaTeardown, ViewerToken


@admin.register(MediaInput)
class MediaInputAdmin(TallyAdmin):
    view_permission = Perm.SESSIONS_READ
    list_display = ["id", "session", "provider", "state", "flow", "flow_at", "inbound_bytes", "created_at"]
    list_filter = ["state", "flow", "provider"]
    list_select_related = ["session"]
    exclude = ["ref", "publish_digest", "whip_sealed", "whep_sealed"]


@admin.register(MediaEvent)
class MediaEventAdmin(TallyAdmin):
    view_permission = Perm.SESSIONS_READ
    list_display = ["input", "kind", "at", "received_at", "applied_at", "late", "provider"]
    list_filter = ["kind", "late", "provider"]
    exclude = ["ref", "raw", "event_id"]


@admin.register(ViewerToken)
class ViewerTokenAdmin(TallyAdmin):
    view_permission = Perm.SESSIONS_READ
    list_display = ["id", "input", "workspace", "created_at", "expires_at"]
    list_select_related = ["workspace"]
    exclude = ["digest"]


@admin.register(MediaTeardown)
class MediaTeardownAdmin(TallyAdmin):
    view_permission = Perm.SESSIONS_READ
    list_display = ["input", "created_at", "tries", "next_at", "done_at", "last_error"]
    list_filter = ["done_at"]
