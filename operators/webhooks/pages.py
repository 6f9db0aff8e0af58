"""Webhook endpoints and deliveries of a workspace. Talks to `/api/v1/webhook-endpoints` and `/webhook-deliveries` from the browser."""

from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from config.kernel.access import Perm
from config.kernel.pages import page
from operators.webhooks.states import known_types


@require_safe
@page(Perm.WEBHOOK_MANAGE)
def webhooks(request):
    """Endpoints with their secret shown once, what was sent to them, and sending it again."""
    return render(request, "console/webhooks.html", {"page": "webhooks", "types": known_types()})


urlpatterns = [path("settings/developers/webhooks", webhooks, name="webhooks")]
