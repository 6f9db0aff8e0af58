"""Telemetry in the admin, to look at. No signature, no nonce, no digest."""

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import UUIDField

from config.kernel.access import Perm
from config.kernel.admin import TallyAdmin
from sessions.telemetry.models import TelemetryChallenge, TelemetrySample


@admin.register(TelemetryChallenge)
class TelemetryChallengeAdmin(TallyAdmin):
    """When sessions were asked for a nonce."""

    view_permission = Perm.SESSIONS_READ
    list_display = ["session", "issued_at"]
    search_fields = ["session__id"]
    list_select_related = ["session"]
    fields = ["session", "issued_at"]


@admin.register(TelemetrySample)
class TelemetrySampleAdmin(TallyAdmin):
    """The log of one session at a time: search for its id. All sessions together are too many rows to page through."""

    view_permission = Perm.SESSIONS_READ
    list_display = ["captured_at", "received_at", "lat", "lng", "accuracy_meters", "source", "verdict"]
    list_display_links = None
    list_filter = ["verdict", "source"]
    search_fields = ["session"]
    search_help_text = "The id of a session, whole"
    ordering = ["captured_at"]

    def get_queryset(self, request):
        return super().get_queryset(request).defer("signature", "digest")

    def get_search_results(self, request, queryset, search_term):
        try:
            session_id = UUIDField().to_python(search_term.strip() or None)
        except ValidationError:
            session_id = None
        return (queryset.filter(session_id=session_id) if session_id else queryset.none()), False

    def has_view_permission(self, request, obj=None):
        """A row alone has no screen: its id has no index."""
        return obj is None and super().has_view_permission(request)
