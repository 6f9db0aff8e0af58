"""Who sees which events: one predicate for list, facets, export, detail and admin."""

from django.db import connection
from django.db.models import Q, QuerySet

from audit import months
from audit.models import AuditCheckpoint, AuditEvent
from audit.verbs import VERIFIED
from config.kernel import clock
from config.kernel.access import Actor, Perm, ports

_NO_ROW = Q(pk__in=())


def events(*, whole: bool = True) -> QuerySet:
    """All events, for `visible` to narrow; not `whole`: without what lists leave out."""
    return AuditEvent.objects.all() if whole else AuditEvent.objects.defer("before", "after", "details")


def visible(actor: Actor, queryset: QuerySet | None = None) -> QuerySet:
    """The events that `actor` may read: their own; with a subject, those whose subject or recorded ancestor is in reach and none of them denied;
    without one, for holders by a user role; and their workspaces'."""
    queryset = events() if queryset is None else queryset
    reach = ports.reach(actor, Perm.AUDIT_READ)
    others = _NO_ROW
    if reach.holder:
        others |= Q(subject_kind__isnull=True)
        if reach.everything:
            others |= Q(subject_kind__isnull=False)
        elif reach.allow:
            others |= Q(scope__overlap=list(reach.allow))
    if reach.workspaces:
        others |= Q(workspace_ids__overlap=list(reach.workspaces))
    if reach.deny:
        others &= ~Q(scope__overlap=list(reach.deny))
    if others_are_all(reach):
        return queryset
    own = Q(actor_kind=str(actor.kind), actor_id=actor.id) if actor.id else _NO_ROW
    return queryset.filter(own | others)


def others_are_all(reach) -> bool:
    """Whether nothing is left to filter."""
    return reach.holder and reach.everything and not reach.deny


def seal_of(event: AuditEvent) -> dict | None:
    """Where the chain holds this event: `{month, position, digest}`; None until it is sealed."""
    month = months.month_of(months.instant_of(event.pk))
    with connection.cursor() as cursor:
        cursor.execute("SELECT position, digest FROM audit_chain WHERE month = %s AND event_id = %s", [month, event.pk])
        row = cursor.fetchone()
    return {"month": f"{month:%Y-%m}", "position": row[0], "digest": bytes(row[1]).hex()} if row else None


def pending() -> tuple[int, object]:
    """(how many events are not sealed yet, when the oldest of them happened or None)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), min(event_id::text)::uuid FROM audit_pending")
        count, oldest = cursor.fetchone()
    return count, months.instant_of(oldest) if oldest else None


def oldest_pending():
    """When the oldest event without a seal happened; None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT event_id FROM audit_pending ORDER BY event_id LIMIT 1")
        row = cursor.fetchone()
    return months.instant_of(row[0]) if row else None


def seal_lag_seconds() -> float:
    """Age of the oldest event that is not sealed; 0 when there is none."""
    oldest = oldest_pending()
    return max(0.0, (clock.now() - oldest).total_seconds()) if oldest else 0.0


def last_checkpoint() -> AuditCheckpoint | None:
    return AuditCheckpoint.objects.first()


def last_verification() -> AuditEvent | None:
    """The row that the nightly verification left."""
    return AuditEvent.objects.filter(verb=VERIFIED).order_by("-id").first()
