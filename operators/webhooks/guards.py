"""What may be done to an endpoint or a delivery now, and why not: the services, `/actions` and the console ask here."""

from config.kernel.access import Actor, Perm
from config.kernel.actions import Action
from operators.webhooks.models import WebhookDelivery, WebhookEndpoint
from operators.webhooks.states import DeliveryStatus, event_type
from operators.workspaces.guards import suspension

MANAGE = Perm.WEBHOOK_MANAGE


def endpoint_actions(actor: Actor, endpoint: WebhookEndpoint) -> dict[str, Action]:
    """For `GET /webhook-endpoints/:id/actions`."""
    href = f"/api/v1/webhook-endpoints/{endpoint.pk}"
    code = suspension(actor, endpoint.workspace, MANAGE)
    test, data = code, None
    if code is None and not endpoint.enabled:
        test, data = "invalid_state", {"state": "disabled", "allowed": ["enabled"]}
    return {
        "update": Action("PATCH", MANAGE, href, code),
        "delete": Action("DELETE", MANAGE, href, code),
        "rotateSecret": Action("POST", MANAGE, f"{href}/rotate-secret", code),
        "test": Action("POST", MANAGE, f"{href}/test", test, data=data),
    }


def redelivery(actor: Actor, delivery: WebhookDelivery) -> Action:
    """Whether its stored body may be sent again."""
    code, reason = suspension(actor, delivery.workspace, MANAGE), None
    if code is None:
        reason = _not_again(delivery)
        code = "delivery_not_redeliverable" if reason else None
    return Action("POST", MANAGE, f"/api/v1/webhook-deliveries/{delivery.pk}/redeliver", code, reason)


def _not_again(delivery: WebhookDelivery) -> str | None:
    kind = event_type(delivery.type)
    if delivery.status == DeliveryStatus.PENDING:
        return "It is still being delivered."
    if kind is not None and not kind.redeliverable:
        return "A call of this type has no meaning later."
    if delivery.endpoint.deleted_at is not None:
        return "Its endpoint was deleted."
    if not delivery.endpoint.enabled:
        return "Its endpoint is disabled."
    return None
