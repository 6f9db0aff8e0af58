"""Admin screens of webhooks, to look at and to switch off; never a secret. People manage their own through the API and the console."""

from django.contrib import admin, messages

from config.kernel.access import Perm
from config.kernel.admin import ReadOnlyInline, TallyAdmin
from operators.webhooks import services
from operators.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(TallyAdmin):
    """Every endpoint, deleted ones too while their deliveries last; *disable* stops the chosen ones."""

    view_permission = Perm.WEBHOOK_MANAGE
    list_display = ["__str__", "workspace", "environment", "enabled", "disabled_reason", "failing_since", "created_at", "deleted_at"]
    list_filter = ["environment", "enabled", "disabled_reason", ("deleted_at", admin.EmptyFieldListFilter)]
    search_fields = ["url", "workspace__slug"]
    list_select_related = ["workspace"]
    fields = [
        "workspace", "environment", "address", "types", "api_version", "enabled", "disabled_reason", "failing_since", "previous_secret_until",
        "created_by_label", "created_at", "deleted_at",
    ]  # fmt: skip
    readonly_fields = ["address"]
    actions = ["disable"]

    @admin.display(description="URL")
    def address(self, row):
        return str(row)

    @admin.action(description="Disable the chosen endpoints")
    def disable(self, request, queryset):
        for endpoint in queryset.filter(enabled=True, deleted_at=None):
            services.update(actor=request.actor, endpoint=endpoint, changes={"enabled": False})
        messages.success(request, "Nothing more is sent to them; what was pending is discarded.")


class AttemptInline(ReadOnlyInline):
    model = WebhookAttempt
    view_permission = Perm.WEBHOOK_MANAGE
    fields = ["at", "status_code", "duration_ms", "error"]


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(TallyAdmin):
    """Deliveries of the last 30 days; *redeliver* sends the stored bodies again."""

    view_permission = Perm.WEBHOOK_MANAGE
    list_display = ["type", "endpoint", "workspace", "environment", "status", "tries", "next_attempt_at", "created_at"]
    list_filter = ["status", "environment", "type"]
    search_fields = ["message_id", "subject_id", "workspace__slug"]
    list_select_related = ["workspace", "endpoint"]
    fields = [
        "endpoint", "workspace", "environment", "message_id", "type", "subject_kind", "subject_id", "status", "tries", "next_attempt_at", "redelivery_of",
        "created_at",
    ]  # fmt: skip
    inlines = [AttemptInline]
    actions = ["redeliver"]

    @admin.action(description="Redeliver the chosen deliveries")
    def redeliver(self, request, queryset):
        made = services.redeliver(actor=request.actor, deliveries=list(queryset.select_related("endpoint", "workspace")))
        messages.success(request, f"{len(made)} queued.")
