"""The admin's door: the product's sign-in page, the product's sign-out, the product's own account page."""

from urllib.parse import urlencode

from django.contrib.admin import AdminSite, autodiscover
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from config.kernel.access import Kind
from config.kernel.guard import not_accepted
from config.kernel.pages import PAGE
from operators.access.selectors import opens_admin
from operators.identity import services


class TallyAdminSite(AdminSite):
    """Opens to users with a staff permission (03 §1) who have no password to change first."""

    site_header = site_title = "Tallyroom"
    index_title = "Administration"
    enable_nav_sidebar = False

    def get_urls(self):
        autodiscover()
        return super().get_urls()

    def check(self, app_configs):
        autodiscover()
        return super().check(app_configs)

    def has_permission(self, request):
        if not request.actor.is_anonymous and request.actor.kind is not Kind.USER:
            raise not_accepted(request.actor, PAGE)
        return not request.actor.must_change_password and opens_admin(request.actor)

    @method_decorator(never_cache)
    def login(self, request, extra_context=None):
        if request.actor.kind is not Kind.USER:
            target = request.GET.get("next") or reverse("admin:index")
            return redirect(f"{reverse('sign-in')}?{urlencode({'next': target})}")
        if request.actor.must_change_password:
            return redirect("account")
        if not opens_admin(request.actor):
            raise PermissionDenied
        return redirect("admin:index")

    @method_decorator([never_cache, require_POST])
    def logout(self, request, extra_context=None):
        services.sign_out(actor=request.actor)
        request.session.flush()
        return redirect("sign-in")

    def password_change(self, request, extra_context=None):
        return redirect("account")

    def password_change_done(self, request, extra_context=None):
        return redirect("account")
