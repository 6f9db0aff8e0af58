"""Sign-in and the own account. Both talk to `/api/v1/auth/…` from the browser."""

from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.kernel.access import Kind
from config.kernel.pages import page


@require_safe
@never_cache
def sign_in(request):
    """The one page without a sign-in. Whoever has one goes on to `next`, if that is a page of this host."""
    target = request.GET.get("next", "/")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts=None) or target.startswith("/sign-in"):
        target = "/"
    if request.actor.kind is Kind.USER:
        return redirect(target)
    return render(request, "console/sign_in.html", {"next": target})


@require_safe
@page()
def account(request):
    """Own name, password, sign-ins and how the console behaves for this person."""
    return render(request, "console/account.html", {"page": "account"})
