"""Guardian's object-permission pages, ours: `auth:manage` opens them, the one codename is all there is to give, the service writes and records."""

from django import forms
from django.contrib import messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect, render
from guardian.admin import GuardedModelAdminMixin

from config.kernel.access import Perm, holds, ports
from config.kernel.admin import TallyAdmin
from config.kernel.errors import ApiError
from operators.access import holdings, scopes
from operators.identity.models import User
from operators.identity.people import object_grants


class HoldersForm(forms.Form):
    """Users and groups who reach this one thing by a grant."""

    users = forms.ModelMultipleChoiceField(User.objects.order_by("name", "pk"), required=False)
    groups = forms.ModelMultipleChoiceField(Group.objects.order_by("name"), required=False)


class GrantsAdmin(GuardedModelAdminMixin, TallyAdmin):
    """Base of the screens of granted kinds: beside each thing, who reaches it by a grant."""

    change_form_template = "admin/access/change_form.html"
    obj_perms_manage_template = "admin/access/holders.html"

    def get_queryset(self, request):
        # Guardian's own asks `is_superuser` and its shortcuts; rows are scoped here.
        return TallyAdmin.get_queryset(self, request)

    def render_change_form(self, request, context, *args, **kwargs):
        return super().render_change_form(request, {**context, "may_grant": holds(request.actor, Perm.AUTH_MANAGE)}, *args, **kwargs)

    def obj_perms_manage_view(self, request, object_pk):
        """Who holds a grant on this thing, and the form that changes it."""
        if not holds(request.actor, Perm.AUTH_MANAGE):
            raise PermissionDenied
        kind = scopes.of(self.model)
        key = scopes.pk_of(self.model, object_pk)
        thing = self.get_queryset(request).filter(pk=key).first() if key is not None else None
        if thing is None:
            ports.refused(ApiError("not_found", about=[(self.model, key)] if key is not None else ()), request, None)
            raise Http404
        users, groups = holdings.holders_of(kind, thing.pk)
        form = HoldersForm(request.POST if request.method == "POST" else None, initial={"users": users, "groups": groups})
        if request.method == "POST" and form.is_valid() and self._saved(request, kind, thing, form):
            return redirect(request.path)
        context = {**self.admin_site.each_context(request), "title": f"Grants on {thing}", "opts": self.model._meta, "original": thing, "form": form}
        return render(request, self.obj_perms_manage_template, context)

    @staticmethod
    def _saved(request, kind, thing, form) -> bool:
        try:
            object_grants.set_holders(
                actor=request.actor, kind=kind, pk=thing.pk, users=form.cleaned_data["users"], groups=form.cleaned_data["groups"]
            )
        except ApiError as error:
            ports.refused(error, request, None)
            messages.error(request, error.message)
            return False
        messages.success(request, "Saved.")
        return True

    def obj_perms_manage_user_view(self, request, object_pk, user_id):
        """There is one codename: the page of the thing says all."""
        return redirect("../../")

    def obj_perms_manage_group_view(self, request, object_pk, group_id):
        return redirect("../../")
