"""People, groups, access policies. Each talks to `/api/v1/auth/…` from the browser."""

from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from config.kernel.access import Perm
from config.kernel.pages import page
from operators.access import holdings, scopes
from operators.access.models import Role
from operators.identity.people.filters import PROVIDERS

ROLES = (
    (Role.OWNER, "Everything; the only one who touches owners."),
    (Role.ADMIN, "Everything but the installation itself."),
    (Role.OPERATOR, "Commands nodes, records, edits the library and schedules."),
    (Role.VIEWER, "Looks, plays and downloads recordings."),
    (Role.AUDITOR, "Reads the library, health, money and the audit."),
)


def _context(page_name: str, tab: str) -> dict:
    """What the forms offer: roles, kinds that are granted one by one, kinds that policies name."""
    return {
        "page": page_name,
        "tab": tab,
        "roles": ROLES,
        "providers": PROVIDERS,
        "granted_kinds": " ".join(kind.name for kind in holdings.granted_kinds()),
        "policy_kinds": " ".join(kind.name for kind in scopes.every() if kind.policies),
    }


@require_safe
@page(Perm.AUTH_MANAGE)
def users(request):
    """Everyone with an account; filters; a new one."""
    return render(request, "console/people.html", _context("people", "users"))


@require_safe
@page(Perm.AUTH_MANAGE)
def user(request, id):  # noqa: A002 - the path's name
    """One person: roles, groups, reach, sign-ins, password, status."""
    return render(request, "console/person.html", {**_context("people", "users"), "user_id": id})


@require_safe
@page(Perm.AUTH_MANAGE)
def groups(request):
    """Groups: roles, members, reach."""
    return render(request, "console/groups.html", _context("people", "groups"))


@require_safe
@page(Perm.AUTH_MANAGE)
def policies(request):
    """Every access policy in one editor, and why somebody may or may not."""
    return render(request, "console/policies.html", _context("people", "policies"))


urlpatterns = [
    path("people", users, name="people"),
    path("people/groups", groups, name="people-groups"),
    path("people/policies", policies, name="people-policies"),
    path("people/<uuid:id>", user, name="person"),
]
