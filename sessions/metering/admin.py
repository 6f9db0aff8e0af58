"""Bills' reasoning in the admin, to look at."""

from django.contrib import admin

from config.kernel.access import Perm
from config.kernel.admin import TallyAdmin
from sessions.metering.models import MeterRecord


@admin.register(MeterRecord)
class MeterRecordAdmin(TallyAdmin):
    """What was billed and why."""

    view_permission = Perm.SESSIONS_READ
    list_display = ["session", "mode", "metered_seconds", "clean_seconds", "failed_seconds", "version", "created_at"]
    list_filter = ["mode", "version"]
    search_fields = ["session__id", "input_hash"]
    list_select_related = ["session"]
    fields = [
        "session", "mode", "version", "started_at", "cutoff_at", "metered_seconds", "clean_seconds", "failed_seconds", "windows", "intervals",
        "samples", "input_hash", "created_at",
    ]  # fmt: skip
