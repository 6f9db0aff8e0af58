"""The audit: search, and one event with what it changed."""

from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from config.kernel.access import Perm
from config.kernel.pages import page


@require_safe
@page(Perm.AUDIT_READ)
def events(request):
    """List, facets, detail and export of audit events."""
    return render(request, "console/audit.html", {"page": "audit"})


urlpatterns = [path("audit", events, name="audit")]
