"""Counters of the fleet, and per-node gauges from a snapshot in Valkey, so that `/metrics` answers with the database down."""

import json
from uuid import UUID

from django.conf import settings
from django.db.models import Count
from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily

from config.kernel import broker, later
from config.kernel.access import Actor, Perm, ports
from nodes.fleet import selectors
from nodes.fleet.models import Interface, Node
from nodes.fleet.states import Liveness
from nodes.health.models import HealthEvent
from nodes.health.states import COLOURING

# They bring numpy, which whoever only starts needs not.
ring, wire = later.module("nodes.meters.ring"), later.module("nodes.meters.wire")

METER_FRAMES = Counter("tallyroom_meter_frames_total", "Meter frames taken in", ["transport"])
METER_LAG = Histogram(
    "tallyroom_meter_lag_seconds",
    "From the end of what a meter frame measured to its arrival; replays left out",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5),
)
AGENT_REFUSALS = Counter("tallyroom_agent_refusals_total", "Refused requests of recorder agents", ["code"])
EVENTS_OPENED = Counter("tallyroom_health_events_opened_total", "Health events opened or reopened", ["type", "severity"])
# They count the whole fleet, so they are for whoever sees all of it.
FLEET_WIDE = ("tallyroom_meter_frames", "tallyroom_meter_lag_seconds", "tallyroom_agent_refusals", "tallyroom_health_events_opened")
_SNAPSHOT = broker.PREFIX + "metrics:fleet"
_last: dict = {"nodes": {}, "events": []}


def sees_the_fleet(actor: Actor) -> bool:
    """An allowed address, or whose `metrics:read` reaches every site and is denied nothing."""
    if actor.is_anonymous:
        return True
    reach = ports.reach(actor, Perm.METRICS_READ)
    return reach.holder and (reach.everything or "site:*" in reach.allow) and not reach.deny


def taken(header, transport: str) -> None:
    """A meter frame with this `wire.Header` was taken in, just now."""
    METER_FRAMES.labels(transport).inc()
    if not header.replay:
        METER_LAG.observe(max(0.0, (ring.now_us() - header.captured_at_us) / 1e6))


def take_snapshot() -> None:
    """Written by `health.liveness` every 10 s: `{"nodes": {id: [up, last seen unix]}, "events": [[type, severity, count]], "interfaces": {id: node}}`,
    the last only where levels are told."""
    rows = selectors.with_status(Node.objects.filter(retired_at=None)).values_list("pk", "liveness", "state__last_seen_at")
    snapshot = {
        "nodes": {str(pk): [int(liveness != Liveness.OFFLINE), seen.timestamp() if seen else 0] for pk, liveness, seen in rows},
        "events": _active(HealthEvent.objects.all()),
        "interfaces": _nodes_of(Interface.objects.all()) if settings.METRICS_LEVELS else {},
    }
    broker.attempt(lambda valkey: valkey.set(_SNAPSHOT, json.dumps(snapshot), ex=120))


def _nodes_of(interfaces) -> dict[str, str]:
    return {str(pk): str(node_id) for pk, node_id in interfaces.filter(node__retired_at=None).values_list("pk", "node_id")}


def _active(events) -> list[list]:
    counted = events.filter(status__in=COLOURING).values_list("type", "severity").annotate(n=Count("pk")).order_by("type", "severity")
    return [list(row) for row in counted]


def collect(actor: Actor):
    """Gauges of the nodes that `actor` may see; an allowed address (anonymous) sees all, also while the database is down."""
    global _last
    raw = broker.attempt(lambda valkey: valkey.get(_SNAPSHOT))
    _last = json.loads(raw) if raw else _last
    nodes, events, interfaces = _last["nodes"], _last["events"], _last.get("interfaces", {})
    if not actor.is_anonymous:
        mine = {str(pk) for pk in ports.scoped(Node.objects.all(), actor, Perm.METRICS_READ).values_list("pk", flat=True)}
        nodes = {pk: values for pk, values in nodes.items() if pk in mine}
        events = _active(ports.scoped(HealthEvent.objects.all(), actor, Perm.METRICS_READ))
        interfaces = _nodes_of(ports.scoped(Interface.objects.all(), actor, Perm.METRICS_READ)) if settings.METRICS_LEVELS else {}
    up = GaugeMetricFamily("tallyroom_node_up", "1 while the node is heard", labels=["node"])
    seen = GaugeMetricFamily("tallyroom_node_last_seen_seconds", "Unix time of the last heartbeat", labels=["node"])
    for pk, (is_up, at) in nodes.items():
        up.add_metric([pk], is_up)
        seen.add_metric([pk], at)
    active = GaugeMetricFamily("tallyroom_health_events_active", "Open and acknowledged health events", labels=["type", "severity"])
    for name, severity, count in events:
        active.add_metric([name, severity], count)
    yield from (up, seen, active)
    if interfaces:
        yield _levels(interfaces)


def _levels(interfaces: dict[str, str]) -> GaugeMetricFamily:
    """RMS of every channel whose newest frame is not stale: many series, so only where `METRICS_LEVELS` asks for them."""
    family = GaugeMetricFamily("tallyroom_input_rms_dbfs", "RMS of the last second", labels=["node", "interface", "channel"])
    for pk, latest in ring.latest([UUID(pk) for pk in interfaces]).items():
        if latest.stale:
            continue
        for level in wire.decode_features(latest.payload).levels:
            family.add_metric([interfaces[str(pk)], str(pk), str(level.channel_index)], level.rms_dbfs)
    return family
