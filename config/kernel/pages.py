"""The door of the console's pages: who may open one, and where everyone else is sent.

A page is a shell: layout, headings, filters, empty states and `<template>` rows. Its data comes from the REST API and `/ws`,
which check everything again, so a page reads no table.
"""

from functools import wraps
from urllib.parse import urlencode

from django.shortcuts import redirect, render
from django.urls import reverse

from config.kernel.access import Kind, Perm, Route, holds, ports
from config.kernel.errors import ApiError
from config.kernel.guard import not_accepted

# Whom pages are for.
PAGE = Route()


def page(permission: Perm | None = None, *, guests: bool = False):
    """Guard a page view: signed in as a user, past a forced password change, holding `permission` somewhere (else a 403 page that says so).

    `guests`: also for a console operator whose browser came by an invite.
    """

    def decorate(view):
        @wraps(view)
        def guarded(request, **kwargs):
            actor = request.actor
            if actor.is_anonymous:
                return redirect(f"{reverse('sign-in')}?{urlencode({'next': request.get_full_path()})}")
            guest = guests and actor.kind is Kind.CONSOLE_OPERATOR and actor.by_cookie
            if actor.kind is not Kind.USER and not guest:
                # No browser comes with a bearer credential, so this is a program in the wrong place.
                raise not_accepted(actor, PAGE)
            if actor.must_change_password and request.path != reverse("account"):
                return redirect("account")
            if permission and not holds(actor, permission):
                ports.refused(ApiError("permission_denied", data={"permission": permission.value}), request, None)
                response = render(request, "console/forbidden.html", {"page": "", "permission": permission.value}, status=403)
            else:
                response = view(request, **kwargs)
            response["Cache-Control"] = "no-store"
            return response

        return guarded

    return decorate
