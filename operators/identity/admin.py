"""Admin screens of users, their sign-ins, and what axes remembers. What changes goes through the services of the API."""

from axes.models import AccessAttempt
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db import transaction

from config.kernel.access import Perm
from config.kernel.admin import ReadOnlyInline, TallyAdmin
from operators.access import holdings
from operators.access.models import Role
from operators.identity import services
from operators.identity.models import SignIn, User
from operators.identity.oidc.models import OidcIdentity
from operators.identity.people import services as people
from operators.identity.wallets.models import Wallet


class SignInInline(ReadOnlyInline):
    """The sign-ins that are kept, to look at; the screen of sign-ins revokes."""

    model = SignIn
    view_permission = Perm.AUTH_MANAGE
    fields = readonly_fields = ["kind", "ip", "user_agent", "created_at", "last_seen_at", "expires_at", "revoked_at"]
    verbose_name_plural = "sign-ins"


class IdentityInline(ReadOnlyInline):
    model = OidcIdentity
    view_permission = Perm.AUTH_MANAGE
    fields = readonly_fields = ["issuer", "subject", "last_seen_at"]


class WalletInline(ReadOnlyInline):
    model = Wallet
    view_permission = Perm.AUTH_MANAGE
    fields = readonly_fields = ["address", "created_at"]


class UserForm(forms.ModelForm):
    """Roles and groups of a user; e-mail, name and password of a new one."""

    roles = forms.MultipleChoiceField(choices=Role.choices, required=False, widget=forms.CheckboxSelectMultiple)
    groups = forms.ModelMultipleChoiceField(Group.objects.order_by("name"), required=False, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = User
        fields = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk and not self.instance._state.adding:
            self.initial |= {"roles": sorted(holdings.roles(self.instance)), "groups": list(self.instance.groups.all())}

    def _post_clean(self):
        """Nothing is written to the row here: the service makes and checks it."""


class NewUserForm(UserForm):
    """A user who can sign in at once."""

    email = forms.EmailField(max_length=254)
    name = forms.CharField(max_length=120)
    password = forms.CharField(min_length=12, max_length=200, strip=False, widget=forms.PasswordInput)

    field_order = ["email", "name", "password", "roles", "groups"]


@admin.register(User)
class UserAdmin(TallyAdmin):
    """Who there is and what they may do; *unlock* lifts axes' lock. Grants are given on the pages of the things themselves, or by the API."""

    view_permission = add_permission = change_permission = delete_permission = Perm.AUTH_MANAGE
    form = UserForm
    list_display = ["name", "email", "username", "role_names", "group_names", "disabled_at", "last_login"]
    list_filter = ["role_rows__role", "groups", "must_change_password", ("disabled_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "email", "username"]
    readonly_fields = ["email", "name", "username", "grants", "must_change_password", "disabled_at", "last_login", "created_at"]
    inlines = [SignInInline, IdentityInline, WalletInline]
    actions = ["unlock", "disable", "enable"]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("role_rows", "groups")

    def get_form(self, request, obj=None, change=False, **kwargs):
        return super().get_form(request, obj, change=change, **kwargs) if obj is not None else NewUserForm

    def get_fields(self, request, obj=None):
        if obj is None:
            return NewUserForm.field_order
        return ["email", "name", "username", "roles", "groups", *self.readonly_fields[3:]]

    def get_readonly_fields(self, request, obj=None):
        return self.readonly_fields if obj is not None else []

    def get_inlines(self, request, obj):
        return self.inlines if obj is not None else []

    @admin.display(description="roles")
    def role_names(self, user):
        return ", ".join(sorted(row.role for row in user.role_rows.all()))

    @admin.display(description="groups")
    def group_names(self, user):
        return ", ".join(sorted(group.name for group in user.groups.all()))

    @admin.display(description="grants")
    def grants(self, user):
        return ", ".join(holdings.written(holdings.grants(user))) or "–"

    def create(self, request, obj, form):
        return people.create(actor=request.actor, **form.cleaned_data)

    def update(self, request, obj, form):
        people.set_access(actor=request.actor, user=obj, roles=set(form.cleaned_data["roles"]), groups=list(form.cleaned_data["groups"]))

    def remove(self, request, obj):
        people.delete(actor=request.actor, user=obj)

    @admin.action(description="Unlock the sign-in of the chosen users")
    @transaction.atomic
    def unlock(self, request, queryset):
        for user in queryset:
            services.unlock(actor=request.actor, user=user)
        messages.success(request, "They may try again.")

    @admin.action(description="Disable the chosen users")
    def disable(self, request, queryset):
        self._set_status(request, queryset, disabled=True)
        messages.success(request, "They are signed out and can't sign in.")

    @admin.action(description="Enable the chosen users")
    def enable(self, request, queryset):
        self._set_status(request, queryset, disabled=False)
        messages.success(request, "They may sign in again.")

    @staticmethod
    @transaction.atomic
    def _set_status(request, queryset, *, disabled: bool):
        """All of them or none."""
        for user in queryset:
            people.set_status(actor=request.actor, user=user, disabled=disabled)


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
    @transaction.atomic
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
