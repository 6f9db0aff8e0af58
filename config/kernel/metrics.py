"""Prometheus metrics: each process writes its counters to files under PROMETHEUS_MULTIPROC_DIR; `/metrics` adds them up.

Apps add gauges with `register_collector(fn)`: `fn(actor)` yields prometheus_client metric families that this actor may see, from memory or
Valkey, never from a query that fails with the database down.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import REGISTRY

from config.kernel import broker, queues
from config.stack.process import alive

log = structlog.get_logger("metrics")
# Name of a periodic task → Unix time, as text.
ENDED_WELL = broker.PREFIX + "beat"
CONTENT_TYPE = CONTENT_TYPE_LATEST
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
HTTP_SECONDS = Histogram("tallyroom_http_request_seconds", "Time to answer a request", ["method", "status"])
# Of the processes that live; `_forget_the_dead` sees to it that a killed one's sockets are not counted for ever.
SOCKETS = Gauge("tallyroom_sockets", "Open WebSockets", ["kind"], multiprocess_mode="livesum")
AUDIT_LOST = Counter("tallyroom_audit_lost_total", "Refusals that could not be written to the audit")
# Further parts of `/readyz`: name → probe returning bool.
READINESS: dict[str, Callable[[], bool]] = {}
_collectors: list[Callable] = []
_restricted: list[tuple[frozenset[str], Callable]] = []


def register_collector(collect: Callable) -> None:
    """`collect(actor)` → iterable of metric families; `actor` is ANONYMOUS for an allowed address (sees everything)."""
    _collectors.append(collect)


def register_restricted(names: Iterable[str], sees: Callable) -> None:
    """Counters over everything there is: shown only where `sees(actor)`. Names are those of the families, without `_total`."""
    _restricted.append((frozenset(names), sees))


class _Without:
    """A registry less some families."""

    def __init__(self, registry, names: set[str]):
        self.registry, self.names = registry, names

    def collect(self):
        return (family for family in self.registry.collect() if family.name not in self.names)


class _Of:
    def __init__(self, actor):
        self.actor = actor

    def collect(self):
        for collect in _collectors:
            try:
                yield from list(collect(self.actor))
            except Exception as error:  # noqa: BLE001 - one section must not take the others along
                log.warning("collector_failed", collector=collect.__module__, error=type(error).__name__)


def _beat(_actor) -> Iterable:
    """When each periodic task last ended well. Not per node, so for everyone who may read metrics."""
    family = GaugeMetricFamily("tallyroom_beat_last_success_timestamp_seconds", "When the task last ended well", labels=["task"])
    for task, at in sorted((broker.attempt(lambda valkey: valkey.hgetall(ENDED_WELL)) or {}).items()):
        family.add_metric([task.decode()], float(at))
    yield family


register_collector(_beat)
register_collector(queues.collect)


def counting(socket, kind: str):
    """The ASGI application `socket`, counted among the open sockets of its kind while it runs."""

    async def counted(scope, receive, send):
        with SOCKETS.labels(kind).track_inprogress():
            await socket(scope, receive, send)

    return counted


def _forget_the_dead(folder: str) -> None:
    for file in Path(folder).glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not alive(pid):
            mark_process_dead(pid, folder)


def exposition(actor) -> bytes:
    """The text of `/metrics` for this actor."""
    registry = CollectorRegistry()
    registry.register(_Of(actor))
    shared = REGISTRY
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        _forget_the_dead(folder)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)
    hidden = {name for names, sees in _restricted for name in names if not sees(actor)}
    return generate_latest(_Without(shared, hidden)) + generate_latest(registry)
