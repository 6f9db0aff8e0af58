"""Admin screens of the control room: its reach, its people and invites, read-only history. Never a token."""

from django.contrib import admin

from config.kernel.access import Perm
from config.kernel.admin import ReadOnlyInline, TallyAdmin
from operators.console import services
from operators.console.models import ConsoleOperator, ControlRoom, ControlRoomEvent, Invite, SubsystemLock


class LockInline(ReadOnlyInline):
    model = SubsystemLock
    view_permission = Perm.CONTROL_ROOM_READ
    fields = ["subsystem", "operator", "acquired_at", "reason"]


@admin.register(ControlRoom)
class ControlRoomAdmin(TallyAdmin):
    """How far its console operators reach: empty means every site, and the workspaces of the installation's owners."""

    view_permission = Perm.CONTROL_ROOM_READ
    change_permission = Perm.CONTROL_ROOM_DIRECT
    list_display = ["name", "slug", "seq", "updated_at"]
    fields = ["name", "sites", "workspaces", "seq"]
    readonly_fields = ["seq"]
    inlines = [LockInline]

    def update(self, request, obj, form):
        """Through the service."""
        chosen = form.cleaned_data
        services.set_reach(actor=request.actor, name=chosen["name"], sites=chosen["sites"] or None, workspaces=chosen["workspaces"] or None)


@admin.register(ConsoleOperator)
class ConsoleOperatorAdmin(TallyAdmin):
    """Who is, and was, in the room."""

    view_permission = Perm.CONTROL_ROOM_READ
    list_display = ["name", "role", "public_id", "user", "guest", "last_seen", "deleted_at"]
    list_filter = ["role", "guest", ("deleted_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "public_id"]
    list_select_related = ["user"]
    fields = ["name", "role", "public_id", "user", "guest", "invite", "picked_with", "last_four", "last_seen", "deleted_at", "delete_cause"]


@admin.register(Invite)
class InviteAdmin(TallyAdmin):
    view_permission = Perm.CONTROL_ROOM_DIRECT
    list_display = ["__str__", "kind", "role", "last_four", "uses", "max_uses", "expires_at", "revoked_at"]
    list_filter = ["kind", "role"]
    fields = ["kind", "role", "label", "generation", "last_four", "uses", "max_uses", "expires_at", "revoked_at", "created_by_label"]


@admin.register(ControlRoomEvent)
class ControlRoomEventAdmin(TallyAdmin):
    view_permission = Perm.CONTROL_ROOM_READ
    list_display = ["seq", "event", "actor_name", "at"]
    list_filter = ["event"]
    fields = ["seq", "event", "at", "actor_kind", "actor_id", "actor_name", "data"]
