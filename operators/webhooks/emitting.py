"""Telling: one cheap call inside the transaction that changes the state; what is to be sent commits with it or not at all.

emit("session.live", subject=("session", session.pk), workspaces=[session.consumer_workspace_id, session.operator_workspace_id],
     environment=session.environment, data=SessionShape.show(session))
"""

from collections.abc import Callable, Iterable
from uuid import UUID

from django.db import connection

from config.kernel import clock, loops, versions, wire
from config.kernel.ids import uuid7
from operators.webhooks.models import WebhookDelivery, WebhookEndpoint
from operators.webhooks.states import EventType, event_type

DISPATCH = "webhooks.dispatch"
_NEXT = """
    INSERT INTO {table} (subject_kind, subject_id, last) VALUES (%s, %s, 1)
    ON CONFLICT (subject_kind, subject_id) DO UPDATE SET last = {table}.last + 1 RETURNING last
""".format(table="operators_webhooksequence")


def emit(
    type: str,  # noqa: A002 - the spec's word
    *,
    subject: tuple[str, object],
    workspaces: Iterable,
    environment: str,
    data: dict | Callable[[UUID], dict],
    sequence: int | None = None,
) -> int:
    """Queue one event for every enabled endpoint of `workspaces` in `environment` that asks for `type`; returns how many.

    subject     (kind, id): `("session", …)`, `("conversation", …)`; settlements, disputes and credit notes belong to their session
    workspaces  rows or ids; None and repeats are passed over
    data        in its current wire form; or a function of a workspace's id, where each side sees another view
    sequence    the subject's own gapless number, if it has one; else the next of ours. Order between deliveries is not promised.

    LookupError for a type that nobody registered, RuntimeError outside a transaction.
    """
    kind = event_type(type)
    if kind is None:
        raise LookupError(f"{type} is no registered webhook type (operators.webhooks.states.register_type)")
    if not connection.in_atomic_block:
        raise RuntimeError("emit belongs into the transaction that changes the state")
    ids = {getattr(one, "pk", one) for one in workspaces if one is not None}
    number = _next(subject) if sequence is None else sequence
    asking = WebhookEndpoint.objects.filter(
        workspace_id__in=ids, environment=environment, enabled=True, deleted_at=None, types__contains=[type]
    ).order_by("id")
    message_id, now = str(uuid7()), clock.now()
    rows = []
    for endpoint in asking:
        content = data(endpoint.workspace_id) if callable(data) else data
        if body := body_for(kind, endpoint.api_version, message_id=message_id, at=now, sequence=number, data=content):
            rows.append(delivery(endpoint, type, subject, message_id=message_id, body=body, at=now))
    if rows:
        WebhookDelivery.objects.bulk_create(rows)
        loops.wake(DISPATCH)
    return len(rows)


def _next(subject: tuple[str, object]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [subject[0], str(subject[1])])
        return cursor.fetchone()[0]


def body_for(kind: EventType, version: str, *, message_id: str, at, sequence: int | None, data: dict) -> str | None:
    """The JSON text that an endpoint of this version is sent; None if that version had no such event."""
    lowered = versions.lower_event(kind.resource, version, kind.name, data)
    if lowered is None:
        return None
    name, data = lowered
    whole = {"id": message_id, "type": name, "createdAt": clock.wire(at), "version": version, "sequence": sequence, "data": data}
    return wire.dumps(kind.shape(version, whole)).decode()


def delivery(endpoint: WebhookEndpoint, type: str, subject: tuple[str, object], *, message_id: str, body: str, at) -> WebhookDelivery:  # noqa: A002
    """The row, not saved, due at once."""
    return WebhookDelivery(
        endpoint=endpoint,
        workspace_id=endpoint.workspace_id,
        environment=endpoint.environment,
        message_id=message_id,
        type=type,
        subject_kind=subject[0],
        subject_id=str(subject[1]),
        body=body,
        next_attempt_at=at,
        created_at=at,
    )
