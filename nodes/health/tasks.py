"""`health.liveness`: nodes that fell silent or came back, sources that fell silent, events whose minute is over, rows that time changed."""

import json
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Exists, OuterRef, Q

from config.kernel import broker, clock
from config.kernel.access import system
from config.kernel.tasks import periodic
from nodes import metrics
from nodes.fleet import live, selectors
from nodes.fleet.models import Node
from nodes.fleet.ports import IDLE
from nodes.fleet.ports import ports as fleet
from nodes.fleet.states import Liveness
from nodes.health import services, trail
from nodes.health.models import HealthEvent, HealthReport
from nodes.health.states import Condition, EventStatus, Severity, Source

log = structlog.get_logger("health")
NODE_OFFLINE, DUPLICATE_AGENT = "controller.node.offline", "controller.node.duplicate_agent"
ACTOR = system("health.liveness")
_LAST_PASS = broker.PREFIX + "health:liveness"
_QUIET = timedelta(minutes=5)
_REPORTS_KEPT = timedelta(days=7)


@periodic("health.liveness", every=10)
def liveness() -> dict:
    """Each part is idempotent; one that fails is logged and leaves the others be."""
    counts = {
        "offline": 0 if _in_boot_grace() else _each(_newly_silent(), _offline),
        "back": _each(_back(), _online),
        "calm": _each(_calmed(), _calm),
        "stale": _each(_fell_silent(), lambda pk: services.set_condition(pk, Condition.STALE, ACTOR)),
        "heard": _each(_heard_again(), lambda pk: services.set_condition(pk, Condition.FIRING, ACTOR)),
        "resolved": _each(_due(), lambda pk: services.settle(pk, ACTOR)),
        "audit": trail.watch_seal(),
        "published": _each(selectors.changed_status().values_list("pk", flat=True), lambda pk: live.publish(pk, due_only=True)),
    }
    HealthReport.objects.filter(created_at__lt=clock.now() - _REPORTS_KEPT).delete()
    metrics.take_snapshot()
    return counts


def _each(rows, act) -> int:
    """`act(row)` for each, in its own transaction; a poison row is set aside until the next pass."""
    done = 0
    for row in list(rows):
        try:
            act(row)
            done += 1
        except DatabaseError as error:
            log.warning("liveness_row_set_aside", row=str(getattr(row, "pk", row)), error=type(error).__name__)
    return done


def _in_boot_grace() -> bool:
    """After a boot or an outage of its own nothing is declared offline for 120 s: the nodes could not reach anybody to be heard."""
    now = clock.now().timestamp()
    raw = broker.attempt(lambda valkey: valkey.get(_LAST_PASS))
    last = json.loads(raw) if raw else {"at": 0, "grace_until": 0}
    grace_until = last["grace_until"] if now - last["at"] <= 30 else now + settings.NODE_OFFLINE_AFTER_SECONDS
    broker.attempt(lambda valkey: valkey.set(_LAST_PASS, json.dumps({"at": now, "grace_until": grace_until}), ex=3600))
    return now < grace_until


def _firing(event_type: str):
    return HealthEvent.objects.filter(node=OuterRef("pk"), type=event_type, condition=Condition.FIRING).exclude(status=EventStatus.RESOLVED)


def _newly_silent() -> list[Node]:
    """Silent nodes whose event is not firing yet, or does so below what it has become."""
    silent = list(
        selectors.silent_nodes().annotate(
            told=Exists(_firing(NODE_OFFLINE)), told_worst=Exists(_firing(NODE_OFFLINE).filter(severity=Severity.CRITICAL))
        )
    )
    captures = fleet.capture_state([node.pk for node in silent]) if silent else {}
    for node in silent:
        state = captures.get(node.pk, IDLE)
        node.offline_severity = Severity.CRITICAL if state.busy or state.next_start_at else Severity.WARNING
    return [node for node in silent if not node.told or (node.offline_severity == Severity.CRITICAL and not node.told_worst)]


def _offline(node: Node) -> None:
    if node.offline_severity == Severity.CRITICAL:
        message = f"{node.alias} is offline while it should record or is about to. What it captures goes on; the file comes when it is back."
    else:
        message = f"{node.alias} is offline. Check its power and network."
    details = {"lastSeenAt": clock.wire(node.state.last_seen_at)}
    services.raise_event(type=NODE_OFFLINE, severity=node.offline_severity, message=message, node=node, details=details, actor=ACTOR)


def _back():
    """Nodes that are heard again, or were retired, while their event still fires."""
    return (
        selectors.with_status(Node.objects.select_related("state"))
        .filter(Exists(_firing(NODE_OFFLINE)))
        .exclude(liveness=Liveness.OFFLINE, retired_at=None)
    )


def _online(node: Node) -> None:
    services.clear_event(type=NODE_OFFLINE, node=node, actor=ACTOR)


def _calmed():
    """Nodes whose second program has not been heard for five minutes."""
    return Node.objects.filter(Exists(_firing(DUPLICATE_AGENT))).exclude(state__duplicate_seen_at__gte=clock.now() - _QUIET)


def _calm(node: Node) -> None:
    services.clear_event(type=DUPLICATE_AGENT, node=node, actor=ACTOR)


def _of_nodes(condition: Condition):
    return HealthEvent.objects.filter(source=Source.NODE, condition=condition).exclude(status=EventStatus.RESOLVED)


def _silent(field: str = "node__state__last_seen_at"):
    return Q(**{f"{field}__lt": clock.now() - _QUIET}) | Q(**{f"{field}__isnull": True})


def _fell_silent():
    """Events of nodes that have not been heard for five minutes: not resolved, but nobody speaks for them."""
    return _of_nodes(Condition.FIRING).filter(_silent()).values_list("pk", flat=True)


def _heard_again():
    return _of_nodes(Condition.STALE).exclude(_silent()).values_list("pk", flat=True)


def _due():
    keep = timedelta(seconds=settings.HEALTH_KEEP_FIRING_SECONDS)
    cleared = HealthEvent.objects.filter(condition=Condition.CLEARED, cleared_at__lte=clock.now() - keep)
    return cleared.exclude(status=EventStatus.RESOLVED).values_list("pk", flat=True)
