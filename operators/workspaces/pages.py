"""Workspaces, and the keys that developers use. Each talks to `/api/v1/workspaces/…` from the browser."""

from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from config.kernel.access import Perm
from config.kernel.pages import page
from operators.access.catalogue import CATALOGUE
from operators.workspaces.states import DeviceKind, MemberRole


@require_safe
@page(Perm.WORKSPACE_READ)
def workspaces(request):
    """The workspaces in reach."""
    return render(request, "console/workspaces.html", {"page": "workspaces"})


@require_safe
@page(Perm.WORKSPACE_READ)
def workspace(request, id):  # noqa: A002 - the path's name
    """One workspace: how it serves, and who belongs to it."""
    context = {"page": "workspaces", "workspace_id": id, "member_roles": MemberRole.values, "device_kinds": DeviceKind.choices}
    return render(request, "console/workspace.html", context)


@require_safe
@page(Perm.KEY_MANAGE)
def developers(request):
    """API keys of one workspace."""
    scopes = [(perm.value, entry.lets) for perm, entry in CATALOGUE.items() if entry.key]
    return render(request, "console/developers.html", {"page": "developers", "scopes": scopes})


urlpatterns = [
    path("workspaces", workspaces, name="workspaces"),
    path("workspaces/<uuid:id>", workspace, name="workspace"),
    path("settings/developers", developers, name="developers"),
]
