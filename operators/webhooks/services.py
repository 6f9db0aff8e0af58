"""Making, editing and deleting endpoints, their secrets, and sending again. Every change is recorded in its transaction.

`emit` is here under the name that other apps call it by.
"""

from django.db import transaction

from audit.services import snapshot
from config.kernel import clock, loops
from config.kernel.access import Actor, Perm, ports
from config.kernel.errors import ApiError
from config.kernel.ids import uuid7
from config.kernel.outbound import guard, signing
from config.kernel.sealing import seal, unseal
from operators import verbs
from operators.webhooks import guards
from operators.webhooks.emitting import DISPATCH, body_for, delivery, emit
from operators.webhooks.models import WebhookDelivery, WebhookEndpoint
from operators.webhooks.states import ENDPOINTS, OLD_SECRET_LIVES, TEST_TYPE, DeliveryStatus, EventType
from operators.workspaces.guards import demand
from operators.workspaces.models import Workspace

__all__ = ["create", "delete", "demand_url", "discard_pending", "emit", "redeliver", "rotate_secret", "secrets_of", "test", "update"]

PURPOSE = "webhook-secret"
_TEST = EventType(TEST_TYPE, "webhooks")


def _record(verb: str, actor: Actor, endpoint: WebhookEndpoint, **facts) -> None:
    subject = ("webhook_endpoint", str(endpoint.pk), str(endpoint))
    ports.record(verb, actor=actor, subject=subject, outcome="succeeded", environment=endpoint.environment, **facts)


def demand_url(url: str) -> None:
    """ApiError webhook_url_refused. Resolves the name, so not for inside a transaction that holds locks."""
    try:
        guard.check(url)
    except guard.Refused as error:
        raise ApiError("webhook_url_refused", str(error)) from error


def _held(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    row = WebhookEndpoint.objects.select_related("workspace").select_for_update(of=("self",)).filter(pk=endpoint.pk, deleted_at=None).first()
    if row is None:
        raise ApiError("not_found")
    return row


@transaction.atomic
def create(
    *, actor: Actor, workspace: Workspace, environment: str, url: str, types: list[str], api_version: str, enabled: bool = True
) -> tuple[WebhookEndpoint, str]:
    """The endpoint and its secret, which is shown this once. `url` has passed `demand_url`. ApiError limit_reached, workspace_suspended."""
    held = Workspace.objects.select_for_update().get(pk=workspace.pk)
    demand(actor, held, Perm.WEBHOOK_MANAGE)
    if held.webhook_endpoints.filter(environment=environment, deleted_at=None).count() >= ENDPOINTS:
        raise ApiError("limit_reached", data={"limit": ENDPOINTS})
    secret = signing.new_secret()
    endpoint = WebhookEndpoint.objects.create(
        workspace=held,
        environment=environment,
        url=url,
        types=sorted(types),
        api_version=api_version,
        enabled=enabled,
        secret=seal(secret, PURPOSE),
        created_by_label=actor.label,
    )
    _record(verbs.WEBHOOK_ENDPOINT_CREATED, actor, endpoint, after=snapshot(endpoint))
    return endpoint, secret


@transaction.atomic
def update(*, actor: Actor, endpoint: WebhookEndpoint, changes: dict, check=lambda _row: None) -> WebhookEndpoint:
    """Set `url`, `types`, `api_version`, `enabled`. Enabling forgets old failures; disabling discards what is pending. `check(row)`: If-Match."""
    row = _held(endpoint)
    guards.endpoint_actions(actor, row)["update"].demand()
    check(row)
    before = snapshot(row)
    for name, value in changes.items():
        setattr(row, name, sorted(value) if name == "types" else value)
    if changes.get("enabled"):
        row.disabled_reason, row.failing_since = "", None
    if snapshot(row) != before:
        row.revision += 1
        row.save()
        if not row.enabled:
            discard_pending(row)
        _record(verbs.WEBHOOK_ENDPOINT_UPDATED, actor, row, before=before, after=snapshot(row))
    return row


@transaction.atomic
def delete(*, actor: Actor, endpoint: WebhookEndpoint) -> None:
    """Gone at once, its secrets with it; its deliveries are listed for their 30 days, what was pending is discarded."""
    row = _held(endpoint)
    guards.endpoint_actions(actor, row)["delete"].demand()
    before = snapshot(row)
    row.deleted_at, row.enabled = clock.now(), False
    row.secret = row.previous_secret = row.previous_secret_until = None
    row.revision += 1
    row.save()
    discard_pending(row)
    _record(verbs.WEBHOOK_ENDPOINT_DELETED, actor, row, before=before)


def discard_pending(endpoint: WebhookEndpoint) -> int:
    """What waits for an endpoint that is no longer called. What is being sent right now ends by itself."""
    waiting = endpoint.deliveries.filter(status=DeliveryStatus.PENDING, lease=None)
    return waiting.update(status=DeliveryStatus.DISCARDED, next_attempt_at=None)


@transaction.atomic
def rotate_secret(*, actor: Actor, endpoint: WebhookEndpoint) -> tuple[WebhookEndpoint, str]:
    """A new secret, shown this once. The one before it signs beside it for 24 h more; one still older stops at once."""
    row = _held(endpoint)
    guards.endpoint_actions(actor, row)["rotateSecret"].demand()
    secret = signing.new_secret()
    row.previous_secret, row.previous_secret_until = row.secret, clock.now() + OLD_SECRET_LIVES
    row.secret = seal(secret, PURPOSE)
    row.revision += 1
    row.save()
    _record(verbs.WEBHOOK_SECRET_ROTATED, actor, row, details={"previous_until": row.previous_secret_until})
    return row, secret


def secrets_of(endpoint: WebhookEndpoint) -> list[str]:
    """What signs now, the newest first. None that this installation's key opens: an empty list."""
    sealed = [endpoint.secret]
    if endpoint.previous_secret_until is not None and endpoint.previous_secret_until > clock.now():
        sealed.append(endpoint.previous_secret)
    opened = [unseal(one, PURPOSE) for one in sealed if one is not None]
    return [secret for secret in opened if secret is not None]


@transaction.atomic
def test(*, actor: Actor, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Queue a `webhook.test`, whatever types it asks for. ApiError invalid_state for a disabled one."""
    row = _held(endpoint)
    guards.endpoint_actions(actor, row)["test"].demand()
    message_id, now = str(uuid7()), clock.now()
    data = {"endpointId": str(row.pk), "message": "This is a test."}
    body = body_for(_TEST, row.api_version, message_id=message_id, at=now, sequence=None, data=data)
    made = delivery(row, TEST_TYPE, ("webhook_endpoint", row.pk), message_id=message_id, body=body, at=now)
    made.save()
    loops.wake(DISPATCH)
    _record(verbs.WEBHOOK_TESTED, actor, row, details={"delivery_id": str(made.pk)})
    return made


@transaction.atomic
def redeliver(*, actor: Actor, deliveries: list[WebhookDelivery]) -> list[WebhookDelivery]:
    """New deliveries of the stored bodies, in this order: all or none. ApiError delivery_not_redeliverable `{ids}`, workspace_suspended."""
    # Endpoints first, so that none is disabled meanwhile.
    ids = sorted({one.endpoint_id for one in deliveries})
    held = {row.pk: row for row in WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")}
    refused = []
    for one in deliveries:
        one.endpoint = held[one.endpoint_id]
        refused += [(one, action)] if (action := guards.redelivery(actor, one)).code else []
    if refused:
        code = refused[0][1].code
        data = {"ids": [str(one.pk) for one, action in refused if action.code == code]} if code == "delivery_not_redeliverable" else None
        raise ApiError(code, refused[0][1].reason, data=data)
    now, made = clock.now(), []
    for one in deliveries:
        again = delivery(one.endpoint, one.type, (one.subject_kind, one.subject_id), message_id=one.message_id, body=one.body, at=now)
        again.redelivery_of, again.again = one, True
        made.append(again)
    WebhookDelivery.objects.bulk_create(made)
    loops.wake(DISPATCH)
    for again in made:
        _record(
            verbs.WEBHOOK_REDELIVERED, actor, again.endpoint, details={"delivery_id": str(again.pk), "redelivery_of": str(again.redelivery_of_id)}
        )
    return made
