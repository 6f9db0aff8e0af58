"""Admin screens of workspaces, their members and keys. Never a secret: a key shows its prefix and last four."""

from django.contrib import admin, messages
from django.db import transaction

from config.kernel.access import Perm
from config.kernel.admin import ReadOnlyInline, TallyAdmin
from operators.workspaces import keys, services
from operators.workspaces.models import ApiKey, Member, Workspace


class MemberInline(ReadOnlyInline):
    model = Member
    view_permission = Perm.WORKSPACE_READ
    fields = ["user", "role", "created_at"]
    readonly_fields = ["created_at"]


class KeyInline(ReadOnlyInline):
    model = ApiKey
    view_permission = Perm.KEY_MANAGE
    fields = ["label", "environment", "scopes", "prefix", "last_four", "last_used_at", "revoked_at"]


@admin.register(Workspace)
class WorkspaceAdmin(TallyAdmin):
    """Tenants; *suspend* refuses their members and keys until it is lifted."""

    view_permission = Perm.WORKSPACE_READ
    list_display = ["slug", "name", "roles", "wallet_address", "suspended_at", "created_at"]
    list_filter = [("suspended_at", admin.EmptyFieldListFilter)]
    search_fields = ["slug", "name", "wallet_address"]
    fields = ["slug", "name", "roles", "wallet_address", "declared_offline", "coverage", "device_kind", "suspended_at", "created_at"]
    inlines = [MemberInline, KeyInline]
    actions = ["suspend", "lift"]

    @admin.action(description="Suspend the chosen workspaces")
    def suspend(self, request, queryset):
        self._set(request, queryset, suspended=True)
        messages.success(request, "Their members and keys are refused. Live sessions run to their end.")

    @admin.action(description="Lift the suspension of the chosen workspaces")
    def lift(self, request, queryset):
        self._set(request, queryset, suspended=False)
        messages.success(request, "Their members and keys are served again.")

    @transaction.atomic
    def _set(self, request, queryset, *, suspended: bool):
        """All of them or none; in one order, so that two who do this pass each other."""
        for workspace in queryset.order_by("pk"):
            services.suspend(actor=request.actor, workspace=workspace, suspended=suspended)


@admin.register(Member)
class MemberAdmin(TallyAdmin):
    """Who belongs where; edited by the workspace's owners."""

    view_permission = Perm.WORKSPACE_READ
    list_display = ["workspace", "user", "role", "created_at"]
    list_filter = ["role"]
    search_fields = ["workspace__slug", "user__name", "user__username"]
    list_select_related = ["workspace", "user"]
    fields = ["workspace", "user", "role", "created_at"]


@admin.register(ApiKey)
class ApiKeyAdmin(TallyAdmin):
    """Every key; *revoke* ends the chosen ones at once."""

    view_permission = Perm.KEY_MANAGE
    list_display = ["label", "workspace", "environment", "scopes", "prefix", "last_four", "created_at", "last_used_at", "expires_at", "revoked_at"]
    list_filter = ["environment", ("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["label", "workspace__slug", "last_four"]
    list_select_related = ["workspace"]
    fields = [
        "label", "workspace", "environment", "scopes", "prefix", "last_four", "version", "created_by_label", "created_at", "expires_at", "last_used_at",
        "revoked_at", "grace_period_end",
    ]  # fmt: skip
    actions = ["revoke"]

    @admin.action(description="Revoke the chosen keys")
    @transaction.atomic
    def revoke(self, request, queryset):
        for key in queryset:
            keys.revoke(actor=request.actor, key=key)
        messages.success(request, "They are refused from now on.")
