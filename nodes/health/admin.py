"""Admin screens of health events, to look at: their state belongs to the services."""

from django.contrib import admin

from config.kernel.access import Perm
from config.kernel.admin import ReadOnlyInline, TallyAdmin
from nodes.health.models import HealthEvent, HealthReport


class ReportInline(ReadOnlyInline):
    model = HealthReport
    view_permission = Perm.HEALTH_READ
    fields = readonly_fields = ["node", "report_id", "created_at"]


@admin.register(HealthEvent)
class HealthEventAdmin(TallyAdmin):
    """What is or was wrong."""

    view_permission = Perm.HEALTH_READ
    list_display = ["type", "severity", "status", "condition", "node", "count", "opened_at", "last_seen_at", "resolved_at"]
    list_filter = ["status", "severity", "source"]
    list_select_related = ["node"]
    search_fields = ["type", "message", "node__alias"]
    inlines = [ReportInline]
