"""Admin screen of groups: their roles and members. Grants are given on the pages of the things themselves, or by the API."""

from contextlib import suppress

from django import forms
from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth.models import Group

from config.kernel.access import Perm
from config.kernel.admin import TallyAdmin
from operators.access import holdings
from operators.access.models import Role
from operators.identity.models import User
from operators.identity.people import groups


class GroupForm(forms.ModelForm):
    """Name, roles and members."""

    roles = forms.MultipleChoiceField(choices=Role.choices, required=False, widget=forms.CheckboxSelectMultiple)
    members = forms.ModelMultipleChoiceField(User.objects.order_by("name", "pk"), required=False)

    class Meta:
        model = Group
        fields = ["name"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial |= {"roles": sorted(holdings.roles(self.instance)), "members": list(self.instance.user_set.all())}


with suppress(NotRegistered):
    admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(TallyAdmin):
    """Groups, their roles and their members."""

    view_permission = add_permission = change_permission = delete_permission = Perm.AUTH_MANAGE
    form = GroupForm
    list_display = ["name", "role_names"]
    search_fields = ["name"]
    fields = ["name", "roles", "members", "grants"]
    readonly_fields = ["grants"]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("role_rows")

    @admin.display(description="roles")
    def role_names(self, group):
        return ", ".join(sorted(row.role for row in group.role_rows.all()))

    @admin.display(description="grants")
    def grants(self, group):
        return ", ".join(holdings.written(holdings.grants(group))) or "–" if group.pk else "–"

    def create(self, request, obj, form):
        return groups.create(actor=request.actor, **form.cleaned_data)

    def update(self, request, obj, form):
        said = form.cleaned_data
        groups.edit(actor=request.actor, group=obj, name=said["name"], roles=set(said["roles"]), members=list(said["members"]))

    def remove(self, request, obj):
        groups.delete(actor=request.actor, group=obj)
