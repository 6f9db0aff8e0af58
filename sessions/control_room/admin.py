"""The production, to look at: it is changed at the console only. The program link's token is in no table."""

from django.contrib import admin

from config.kernel.access import Perm
from config.kernel.admin import TallyAdmin
from sessions.control_room.models import CaptionLine, Production, ProductionSource, ProgramLink, ReplayChannel, ViewerRemoval


@admin.register(Production)
class ProductionAdmin(TallyAdmin):
    view_permission = Perm.CONTROL_ROOM_READ
    list_display = ["control_room", "program_source", "program_reason", "program_since", "preview_source", "lower_visible", "updated_at"]
    list_select_related = ["control_room"]


@admin.register(ProductionSource)
class ProductionSourceAdmin(TallyAdmin):
    view_permission = Perm.CONTROL_ROOM_READ
    list_display = ["source", "label", "signal", "since", "gain_tenths", "muted"]
    list_filter = ["signal", "muted"]


@admin.register(CaptionLine)
class CaptionLineAdmin(TallyAdmin):
    view_permission = Perm.CONTROL_ROOM_READ
    list_display = ["text", "start_at", "end_at", "showing", "by_name"]
    list_filter = ["showing"]
    search_fields = ["text"]


@admin.register(ReplayChannel)
class ReplayChannelAdmin(TallyAdmin):
    view_permission = Perm.CONTROL_ROOM_READ
    list_display = ["control_room", "state", "name", "rate", "started_at", "ends_at"]
    list_select_related = ["control_room"]


@admin.register(ProgramLink)
class ProgramLinkAdmin(TallyAdmin):
    view_permission = Perm.CONTROL_ROOM_DIRECT
    list_display = ["control_room", "enabled", "generation", "last_four", "expires_at"]
    list_select_related = ["control_room"]
    exclude = ["digest", "past"]


@admin.register(ViewerRemoval)
class ViewerRemovalAdmin(TallyAdmin):
    view_permission = Perm.CONTROL_ROOM_READ
    list_display = ["session_id", "due_at"]
