"""The sender's loop, telling people of an endpoint that was given up, and forgetting deliveries after 30 days."""

import smtplib
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import cache

import structlog
from django.core.mail import EmailMessage
from django.db import connections
from django.dispatch import receiver

from config.kernel import clock, loops, tasks
from operators.webhooks.delivering import attempt, claim, endpoint_disabled
from operators.webhooks.emitting import DISPATCH
from operators.webhooks.models import WebhookDelivery, WebhookEndpoint
from operators.webhooks.states import KEPT, DeliveryStatus
from operators.workspaces.models import Member
from operators.workspaces.states import MemberRole

log = structlog.get_logger("webhooks")
SENDERS = 16
# While something is due within this time the loop keeps its short period.
_SOON = timedelta(seconds=30)
_places = threading.Semaphore(SENDERS)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(SENDERS, thread_name_prefix="webhooks")


@loops.loop(DISPATCH, every=1, idle_every=5)
def dispatch() -> dict:
    """Hand what is due to the senders of this process, as many as are free; none of them is waited for."""
    places = 0
    while places < SENDERS and _places.acquire(blocking=False):
        places += 1
    claimed, handed = [], 0
    try:
        claimed = claim(places) if places else []
        for one in claimed:
            _pool().submit(_send, one).add_done_callback(_done)
            handed += 1
    finally:
        # Also of a round that failed: a place that is not given back is never taken again.
        for _ in range(places - handed):
            _places.release()
    soon = WebhookDelivery.objects.filter(status=DeliveryStatus.PENDING, next_attempt_at__lt=clock.now() + _SOON).exists()
    return {"claimed": len(claimed), "soon": int(soon)}


def _send(one) -> None:
    try:
        with tasks.in_context(DISPATCH):
            attempt(one)
    finally:
        connections.close_all()


def _done(future: Future) -> None:
    _places.release()
    loops.LOOPS[DISPATCH].woken.set()
    if error := future.exception():
        # Its lease lapses, and it is tried again.
        log.error("webhook_sender_failed", error=type(error).__name__, exc_info=error)


@receiver(endpoint_disabled, dispatch_uid="webhooks.notify")
def _queue_notice(*, endpoint: WebhookEndpoint, **_facts) -> None:
    tasks.after_commit(notify, str(endpoint.pk))


@tasks.queued("webhooks.notify")
def notify(endpoint_id: str) -> None:
    """Mail the owners and admins of the workspace, one message each. A mail server that is not there costs the notice, which the log says."""
    endpoint = WebhookEndpoint.objects.select_related("workspace").filter(pk=endpoint_id).first()
    if endpoint is None or endpoint.enabled:
        return
    members = Member.objects.filter(workspace=endpoint.workspace, role__in=[MemberRole.OWNER, MemberRole.ADMIN], user__email__isnull=False)
    why = "answered 410 Gone" if endpoint.disabled_reason == "gone" else "has failed for five days"
    text = (
        f"The webhook endpoint {endpoint} of {endpoint.workspace.name} ({endpoint.environment}) {why} and was disabled.\n\n"
        "Nothing more is sent to it. Once it works again, enable it, and redeliver what it missed."
    )
    for address in members.values_list("user__email", flat=True):
        try:
            EmailMessage(f"Webhook endpoint disabled: {endpoint.workspace.slug}", text, to=[address]).send()
        except (smtplib.SMTPException, OSError) as error:
            log.warning("webhook_notice_not_sent", endpoint=endpoint_id, error=type(error).__name__)
            return


@tasks.periodic("webhooks.purge", every=86400)
def purge() -> dict:
    """Deliveries older than 30 days go, with deleted endpoints that none is left of. Numbers stay: a subject may speak again."""
    old = WebhookDelivery.objects.filter(created_at__lt=clock.now() - KEPT).exclude(status=DeliveryStatus.PENDING)
    deliveries = old.delete()[0]
    endpoints = WebhookEndpoint.objects.filter(deleted_at__lt=clock.now() - KEPT, deliveries=None).delete()[0]
    return {"deliveries": deliveries, "endpoints": endpoints}
