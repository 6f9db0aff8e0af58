"""Which endpoints and deliveries there are, for `scoped` to narrow."""

from django.db.models import Prefetch, QuerySet

from operators.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint


def endpoints() -> QuerySet[WebhookEndpoint]:
    """All that are not deleted."""
    return WebhookEndpoint.objects.select_related("workspace").filter(deleted_at=None)


def deliveries() -> QuerySet[WebhookDelivery]:
    """All, with their attempts, oldest first."""
    return WebhookDelivery.objects.select_related("endpoint", "workspace").prefetch_related(
        Prefetch("attempts", WebhookAttempt.objects.order_by("id"))
    )
