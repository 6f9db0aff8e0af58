"""The fleet's sections of `GET /status`."""

from django.db.models import Count, Max, Q

from config.kernel.access import Actor, Perm, holds, ports
from nodes.fleet import selectors
from nodes.fleet.models import Node, NodeState
from nodes.fleet.states import NodeStatus
from nodes.health.models import HealthEvent
from nodes.health.states import COLOURING, EventStatus, Severity


def nodes(actor: Actor) -> dict:
    """Nodes in service by status."""
    rows = selectors.with_status(ports.scoped(Node.objects.filter(retired_at=None), actor, Perm.NODE_READ))
    counted = dict(rows.order_by().values_list("status").annotate(n=Count("pk")))
    return {"total": sum(counted.values()), **{status.value: counted.get(status.value, 0) for status in NodeStatus}}


def _events(actor: Actor):
    return ports.scoped(HealthEvent.objects.exclude(status=EventStatus.RESOLVED), actor, Perm.HEALTH_READ)


def health(actor: Actor) -> dict:
    """Open and acknowledged events by severity; suppressed ones are counted apart and colour nothing."""
    if not holds(actor, Perm.HEALTH_READ):
        return {**{severity.value: 0 for severity in Severity}, "suppressed": 0}
    colouring = Q(status__in=COLOURING)
    counts = {severity.value: Count("pk", filter=colouring & Q(severity=severity)) for severity in Severity}
    return _events(actor).aggregate(**counts, suppressed=Count("pk", filter=Q(status=EventStatus.SUPPRESSED)))


def worst(actor: Actor) -> str | None:
    """The worst severity of what is open or acknowledged; None: all is well."""
    rank = _events(actor).filter(status__in=COLOURING).aggregate(rank=Max("severity_rank"))["rank"]
    return None if rank is None else list(Severity)[rank].value


def quarantined_files(actor: Actor) -> int:
    """Files that nodes keep because nobody took them."""
    mine = ports.scoped(Node.objects.filter(retired_at=None), actor, Perm.NODE_READ)
    return sum(len(kept) for kept in NodeState.objects.filter(node__in=mine).exclude(quarantine=[]).values_list("quarantine", flat=True))
