"""Sending what is due: claimed under a lease, sent outside any transaction, settled once. At least once, never lost.

A sender that dies leaves its lease to lapse after 30 s; the next claim writes that down as a try (`worker_lost`) and tries again, so that even a
delivery that kills its sender comes to an end.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Count, Q
from django.dispatch import Signal
from prometheus_client import Counter

from audit.services import snapshot
from config.kernel import clock
from config.kernel.access import ports, system
from config.kernel.outbound import sender, signing
from operators import verbs
from operators.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from operators.webhooks.services import discard_pending, secrets_of
from operators.webhooks.states import FAILING_AFTER, LEASE, DeliveryStatus, DisabledReason, wait_after

log = structlog.get_logger("webhooks")
# The sender gave an endpoint up, after commit: `endpoint` (row), `reason` (DisabledReason). For whoever tells people.
endpoint_disabled = Signal()
OUTCOMES = Counter("tallyroom_webhook_deliveries", "Tries to deliver a webhook", ["outcome"])
# One slow receiver keeps at most so many senders.
PER_ENDPOINT = 4


@dataclass(frozen=True)
class Claimed:
    """One try that is ours until its lease lapses."""

    delivery_id: uuid.UUID
    lease: uuid.UUID
    url: str
    secrets: tuple[str, ...]
    message_id: str
    body: bytes


@transaction.atomic
def claim(limit: int) -> list[Claimed]:
    """Lease up to `limit` due deliveries, the longest due first; those that nobody should get are ended on the way."""
    now = clock.now()
    pending = WebhookDelivery.objects.filter(status=DeliveryStatus.PENDING)
    held = pending.filter(lease_until__gt=now).values("endpoint_id").annotate(held=Count("pk"))
    free = {row["endpoint_id"]: PER_ENDPOINT - row["held"] for row in held}
    due = (
        pending.filter(Q(lease_until=None) | Q(lease_until__lte=now), next_attempt_at__lte=now)
        .exclude(endpoint_id__in=[pk for pk, places in free.items() if places <= 0])
        .select_related("endpoint")
        .select_for_update(of=("self",), skip_locked=True)
        .order_by("next_attempt_at", "id")[: limit * 4]
    )
    claimed = []
    for row in due:
        places = free.get(row.endpoint_id, PER_ENDPOINT)
        if len(claimed) < limit and places > 0 and (one := _lease(row, now)):
            free[row.endpoint_id] = places - 1
            claimed.append(one)
    return claimed


def _lease(row: WebhookDelivery, now: datetime) -> Claimed | None:
    if row.lease_until is not None:
        WebhookAttempt.objects.create(delivery=row, at=row.lease_until - LEASE, error="worker_lost")
        OUTCOMES.labels("worker_lost").inc()
    keys = secrets_of(row.endpoint)
    if not row.endpoint.enabled or not keys:
        _end(row, DeliveryStatus.DISCARDED)
        return None
    if row.tries and wait_after(row.tries) is None:
        _end(row, DeliveryStatus.FAILED)
        return None
    row.tries += 1
    row.lease, row.lease_until = uuid.uuid4(), now + LEASE
    row.save(update_fields=["tries", "lease", "lease_until"])
    return Claimed(row.pk, row.lease, row.endpoint.url, tuple(keys), row.message_id, row.body.encode())


def _end(row: WebhookDelivery, status: DeliveryStatus) -> None:
    row.status, row.next_attempt_at, row.lease, row.lease_until = status, None, None, None
    row.save(update_fields=["status", "next_attempt_at", "lease", "lease_until"])


def attempt(one: Claimed) -> None:
    """Send, then settle."""
    at = clock.now()
    headers = signing.headers(list(one.secrets), one.message_id, int(at.timestamp()), one.body)
    settle(one, at, sender.post(one.url, one.body, headers))


@transaction.atomic
def settle(one: Claimed, at: datetime, reply: sender.Reply) -> bool:
    """Write down what came of a try and what follows. False if the lease is no longer ours: somebody else is at it."""
    endpoint_id = WebhookDelivery.objects.values_list("endpoint_id", flat=True).filter(pk=one.delivery_id).first()
    # The endpoint before the delivery, as everywhere; whoever emits to it meanwhile is not held up.
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=endpoint_id).first()
    row = WebhookDelivery.objects.select_for_update().filter(pk=one.delivery_id, lease=one.lease, status=DeliveryStatus.PENDING).first()
    if row is None:
        return False
    WebhookAttempt.objects.create(delivery=row, at=at, status_code=reply.status, duration_ms=reply.duration_ms, error=reply.error or "")
    OUTCOMES.labels("succeeded" if reply.ok else "failed").inc()
    row.endpoint = endpoint
    if reply.ok:
        WebhookEndpoint.objects.filter(pk=endpoint.pk, failing_since__isnull=False).update(failing_since=None)
        _end(row, DeliveryStatus.SUCCEEDED)
    else:
        _failed(row, reply)
    return True


def _failed(row: WebhookDelivery, reply: sender.Reply) -> None:
    now, endpoint = clock.now(), row.endpoint
    if endpoint.failing_since is None:
        endpoint.failing_since = now
        endpoint.save(update_fields=["failing_since"])
    wait = wait_after(row.tries)
    if reply.status == 410 or wait is None:
        _end(row, DeliveryStatus.FAILED)
    elif not endpoint.enabled:
        _end(row, DeliveryStatus.DISCARDED)
    else:
        row.next_attempt_at, row.lease, row.lease_until = now + wait, None, None
        row.save(update_fields=["next_attempt_at", "lease", "lease_until"])
    if reply.status == 410:
        _disable(endpoint, DisabledReason.GONE)
    elif now - endpoint.failing_since >= FAILING_AFTER:
        _disable(endpoint, DisabledReason.FAILING)


def _disable(endpoint: WebhookEndpoint, reason: DisabledReason) -> None:
    if not endpoint.enabled:
        return
    before = snapshot(endpoint)
    endpoint.enabled, endpoint.disabled_reason = False, reason
    endpoint.revision += 1
    endpoint.save(update_fields=["enabled", "disabled_reason", "revision", "updated_at"])
    discarded = discard_pending(endpoint)
    subject = ("webhook_endpoint", str(endpoint.pk), str(endpoint))
    ports.record(
        verbs.WEBHOOK_ENDPOINT_DISABLED,
        actor=system("webhooks.dispatch"),
        subject=subject,
        outcome="succeeded",
        environment=endpoint.environment,
        before=before,
        after=snapshot(endpoint),
        details={"discarded": discarded},
    )
    transaction.on_commit(lambda: endpoint_disabled.send(sender=WebhookEndpoint, endpoint=endpoint, reason=reason))
