"""Admin screens of field sessions and device operators: to look at, and to call off or end what hangs. Nobody edits a session."""

from django.contrib import admin, messages

from config.kernel.access import Perm
from config.kernel.admin import ReadOnlyInline, TallyAdmin
from config.kernel.errors import ApiError
from operators.workspaces.devices.models import DeviceKey, DeviceOperator
from sessions.field import services
from sessions.field.devices import services as devices
from sessions.field.models import FieldSession, SessionEvent
from sessions.field.states import SessionState, Side


class EventInline(ReadOnlyInline):
    model = SessionEvent
    view_permission = Perm.SESSIONS_READ
    fields = readonly_fields = ["sequence", "type", "from_state", "to_state", "at", "actor_kind", "actor_label", "data"]


@admin.register(FieldSession)
class FieldSessionAdmin(TallyAdmin):
    """Every session with its history; *end or call off* does what the API does, for neither side."""

    view_permission = Perm.SESSIONS_READ
    list_display = [
        "id", "environment", "state", "end_reason", "label", "consumer_workspace", "operator_workspace", "operator", "created_at", "started_at",
        "ended_at", "gross_micro",
    ]  # fmt: skip
    list_filter = ["state", "environment", "mode", "end_reason"]
    search_fields = ["label", "external_ref", "consumer_workspace__slug", "operator_workspace__slug", "operator__label"]
    list_select_related = ["consumer_workspace", "operator_workspace", "operator"]
    date_hierarchy = "created_at"
    inlines = [EventInline]
    actions = ["finish"]

    def has_finish_permission(self, request):
        return self._allowed(request, Perm.SESSIONS_CREATE)

    @admin.action(description="End or call off the chosen sessions", permissions=["finish"])
    def finish(self, request, queryset):
        done = 0
        for session in queryset:
            verb = services.end if session.state == SessionState.LIVE else services.cancel
            try:
                verb(actor=request.actor, session_id=session.pk, side=Side.INSTALLATION)
                done += 1
            except ApiError as error:
                messages.warning(request, f"{session}: {error.message}")
        if done:
            messages.success(request, f"{done} ended or called off. LIVE ones were metered and settled.")


class DeviceKeyInline(ReadOnlyInline):
    model = DeviceKey
    view_permission = Perm.OPERATORS_READ
    fields = ["address", "issued_at", "created_at", "revoked_at"]
    readonly_fields = ["created_at"]


@admin.register(DeviceOperator)
class DeviceOperatorAdmin(TallyAdmin):
    """Devices of suppliers; *disable* and *enable* change what dispatch may take."""

    view_permission = Perm.OPERATORS_READ
    list_display = ["label", "workspace", "environment", "kind", "enabled", "is_default", "last_seen_at", "deleted_at"]
    list_filter = ["environment", "kind", "enabled", ("deleted_at", admin.EmptyFieldListFilter)]
    search_fields = ["label", "workspace__slug"]
    list_select_related = ["workspace"]
    inlines = [DeviceKeyInline]
    actions = ["disable", "enable"]

    def has_write_permission(self, request):
        return self._allowed(request, Perm.OPERATORS_WRITE)

    @admin.action(description="Disable the chosen operators", permissions=["write"])
    def disable(self, request, queryset):
        self._set(request, queryset, enabled=False)

    @admin.action(description="Enable the chosen operators", permissions=["write"])
    def enable(self, request, queryset):
        self._set(request, queryset, enabled=True)

    @staticmethod
    def _set(request, queryset, *, enabled: bool):
        for operator in queryset.filter(deleted_at=None):
            devices.update(actor=request.actor, operator_id=operator.pk, changes={"enabled": enabled})
