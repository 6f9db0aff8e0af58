"""Admin screen of the access policies, and the page that explains a decision."""

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.shortcuts import render
from django.urls import path, reverse

from config.kernel import references
from config.kernel.access import Perm
from config.kernel.admin import TallyAdmin
from config.kernel.errors import ApiError
from operators.access import scopes
from operators.access.models import AccessPolicy
from operators.access.policies import explain, selectors, services
from operators.access.policies.serializers import PolicyBody
from operators.identity.models import User

_PERMISSIONS = [(perm.value, perm.value) for perm in Perm]


class PolicyForm(forms.ModelForm):
    """A new rule. What it names is looked up when it is saved."""

    permissions = forms.MultipleChoiceField(choices=[("*", "*"), *_PERMISSIONS])

    class Meta:
        model = AccessPolicy
        fields = ["effect", "subject_type", "subject_id", "permissions", "resource_type", "resource_id", "reason"]


class ExplainForm(forms.Form):
    """Who, what for, and (optionally) on which thing."""

    user = forms.ModelChoiceField(User.objects.order_by("name", "pk"))
    permission = forms.ChoiceField(choices=_PERMISSIONS)
    resource_type = forms.CharField(max_length=40, required=False, help_text="site, node, recording, …")
    resource_id = forms.CharField(max_length=64, required=False)

    def clean(self):
        said = super().clean()
        if bool(said.get("resource_type")) != bool(said.get("resource_id")):
            raise forms.ValidationError("Name the thing by its type and its id.")
        if said.get("resource_type") and scopes.named(said["resource_type"]) is None:
            self.add_error("resource_type", "There is no such kind.")
        return said


@admin.register(AccessPolicy)
class AccessPolicyAdmin(TallyAdmin):
    """The rules above roles and grants; *stale* ones name something that is gone. A rule is its own identity: it is added or removed, not edited."""

    view_permission = add_permission = delete_permission = Perm.AUTH_MANAGE
    form = PolicyForm
    change_list_template = "admin/access/policies.html"
    list_display = ["effect", "subject_type", "subject_id", "permissions", "resource_type", "resource_id", "stale", "reason"]
    list_filter = ["effect", "subject_type", "resource_type"]
    fields = PolicyForm.Meta.fields

    @admin.display(boolean=True)
    def stale(self, policy):
        return selectors.is_stale(policy)

    def create(self, request, obj, form):
        said = form.cleaned_data
        body = PolicyBody(
            data={
                "effect": said["effect"],
                "subjectType": said["subject_type"],
                "subjectId": said["subject_id"] or None,
                "permissions": said["permissions"],
                "resourceType": said["resource_type"],
                "resourceId": said["resource_id"],
                "reason": said["reason"],
            }
        )
        if not body.is_valid():
            raise ApiError("validation_failed", " ".join(f"{name}: {problems[0]}" for name, problems in body.errors.items()))
        references.resolve(body, request.actor)
        rule = services.wanted(body.validated_data)
        services.add(actor=request.actor, rule=rule)
        return AccessPolicy(pk=rule.id)

    def remove(self, request, obj):
        services.remove(actor=request.actor, policy=obj)

    def get_urls(self):
        page = path("explain/", self.admin_site.admin_view(self.explain), name="operators_accesspolicy_explain")
        return [page, *super().get_urls()]

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {**(extra_context or {}), "explain_url": reverse("admin:operators_accesspolicy_explain")})

    def explain(self, request):
        """Why someone may or may not."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = ExplainForm(request.GET or None)
        context = {**self.admin_site.each_context(request), "title": "Explain a decision", "opts": self.model._meta, "form": form}
        if form.is_bound and form.is_valid():
            said = form.cleaned_data
            try:
                link = explain.link_for(request.actor, said["resource_type"], said["resource_id"]) if said["resource_type"] else None
                context["answer"] = explain.explain(said["user"], Perm[_name(said["permission"])], link)
            except ApiError as error:
                form.add_error("resource_id", error.message)
        return render(request, "admin/access/explain.html", context)


def _name(permission: str) -> str:
    return next(perm.name for perm in Perm if perm.value == permission)
