"""Admin screens of users, their sign-ins, and what axes remembers. Users are edited through the API, not here."""

from axes.models import AccessAttempt
from django.contrib import admin, messages

from config.kernel.access import Perm
from config.kernel.admin import ReadOnlyInline, TallyAdmin
from operators.access.models import UserRole
from operators.identity import services
from operators.identity.models import SignIn, User


class RoleInline(ReadOnlyInline):
    model = UserRole
    view_permission = Perm.AUTH_MANAGE
    fields = ["role"]


@admin.register(User)
class UserAdmin(TallyAdmin):
    """Who there is; *unlock* lifts axes' lock."""

    view_permission = Perm.AUTH_MANAGE
    list_display = ["name", "email", "username", "role_names", "disabled_at", "last_login"]
    list_filter = ["role_rows__role", "must_change_password"]
    search_fields = ["name", "email", "username"]
    fields = ["name", "email", "username", "groups", "must_change_password", "disabled_at", "last_login", "created_at"]
    inlines = [RoleInline]
    actions = ["unlock"]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("role_rows")

    @admin.display(description="roles")
    def role_names(self, user):
        return ", ".join(sorted(row.role for row in user.role_rows.all()))

    @admin.action(description="Unlock the sign-in of the chosen users")
    def unlock(self, request, queryset):
        for user in queryset:
            services.unlock(actor=request.actor, user=user)
        messages.success(request, "They may try again.")


@admin.register(SignIn)
class SignInAdmin(TallyAdmin):
    """Every sign-in; *revoke* ends the chosen ones."""

    view_permission = Perm.AUTH_MANAGE
    list_display = ["user", "kind", "ip", "created_at", "last_seen_at", "expires_at", "revoked_at"]
    list_filter = ["kind"]
    search_fields = ["user__email", "user__name"]
    list_select_related = ["user"]
    fields = ["user", "kind", "last_four", "ip", "user_agent", "created_at", "last_seen_at", "expires_at", "revoked_at"]
    actions = ["revoke"]

    @admin.action(description="Revoke the chosen sign-ins")
    def revoke(self, request, queryset):
        for row in queryset.select_related("user"):
            services.revoke_sign_in(actor=request.actor, row=row)
        messages.success(request, "They are signed out.")


@admin.register(AccessAttempt)
class AccessAttemptAdmin(TallyAdmin):
    """Failed sign-ins that axes counts."""

    view_permission = Perm.AUTH_MANAGE
    list_display = ["username", "ip_address", "failures_since_start", "attempt_time", "user_agent"]
    search_fields = ["username", "ip_address"]
    fields = ["username", "ip_address", "user_agent", "failures_since_start", "attempt_time"]
