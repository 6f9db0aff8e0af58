"""Admin screens of groups and access policies: to look at; they are edited through the API."""

from django.contrib import admin
from django.contrib.auth.models import Group

from config.kernel.access import Perm
from config.kernel.admin import ReadOnlyInline, TallyAdmin
from operators.access import scopes
from operators.access.models import EVERYTHING, AccessPolicy, GroupRole


class GroupRoleInline(ReadOnlyInline):
    model = GroupRole
    view_permission = Perm.AUTH_MANAGE
    fields = ["role"]


if admin.site.is_registered(Group):
    admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(TallyAdmin):
    """Groups and their roles."""

    view_permission = Perm.AUTH_MANAGE
    list_display = ["name"]
    search_fields = ["name"]
    fields = ["name"]
    inlines = [GroupRoleInline]


@admin.register(AccessPolicy)
class AccessPolicyAdmin(TallyAdmin):
    """The rules above roles and grants; *stale* ones name something that is gone."""

    view_permission = Perm.AUTH_MANAGE
    list_display = ["effect", "subject_type", "subject_id", "permissions", "resource_type", "resource_id", "stale", "reason"]
    list_filter = ["effect", "subject_type", "resource_type"]
    fields = ["effect", "subject_type", "subject_id", "permissions", "resource_type", "resource_id", "reason"]

    @admin.display(boolean=True)
    def stale(self, policy):
        if policy.resource_id == EVERYTHING:
            return False
        return not scopes.exists(policy.resource_type, policy.resource_id)
