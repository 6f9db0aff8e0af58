"""Which health events an actor may see: those whose every subject is in scope."""

from django.db.models import QuerySet

from config.kernel.access import Actor, Perm, ports
from nodes.health.models import HealthEvent
from nodes.health.states import EventStatus


def events() -> QuerySet:
    return HealthEvent.objects.select_related("site", "node", "interface")


def visible(actor: Actor, pairs: list) -> set:
    """Of ("health_event", id) pairs those that the actor may see; one query."""
    ids = [pk for kind, pk in pairs if kind == "health_event"]
    seen = set(ports.scoped(HealthEvent.objects.all(), actor, Perm.HEALTH_READ).filter(pk__in=ids).values_list("pk", flat=True))
    return {(kind, pk) for kind, pk in pairs if kind == "health_event" and pk in seen}


def unresolved(actor: Actor) -> QuerySet:
    """What is not resolved, worst and newest first."""
    rows = ports.scoped(events(), actor, Perm.HEALTH_READ).exclude(status=EventStatus.RESOLVED)
    return rows.order_by("-severity_rank", "-opened_at")
