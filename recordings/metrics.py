"""What recordings add to `/metrics`: jobs by status, lapsed leases, what nodes captured, and room for files.

Jobs are counted into Valkey by `jobs.lease_sweep` each 10 s, so that `/metrics` answers with the database down; whoever sees less counts their
own. What a node captured adds up in Valkey as its jobs report; like any counter it begins again with the broker.
"""

import json
from collections.abc import Iterable
from contextlib import suppress

from django.db.models import Count, Q
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from config.kernel import broker
from config.kernel.access import Actor, Perm, ports
from nodes.fleet.models import Node
from nodes.metrics import sees_the_fleet
from recordings.jobs.models import Job
from recordings.jobs.states import JobStatus, LeaseState
from recordings.library import storage

_JOBS = broker.PREFIX + "metrics:jobs"
_CAPTURED = broker.PREFIX + "metrics:captured:"
# Name of the series → what it counts, in the job heartbeat's words.
_SERIES = {
    "capture_bytes": "Bytes captured by the node",
    "capture_gap_seconds": "Seconds missing in what the node captured",
    "xruns": "Times that the node's sound card was not served in time",
}
_last: dict = {"jobs": {}, "lapsed": 0, "captured": {name: {} for name in _SERIES}}


def captured(node_id, *, capture_bytes: int, capture_gap_seconds: float, xruns: int) -> None:
    """Add what a report brought since the one before. A report that says less than before (a restart of the job) adds nothing."""
    grown = {"capture_bytes": capture_bytes, "capture_gap_seconds": capture_gap_seconds, "xruns": xruns}
    grown = {name: amount for name, amount in grown.items() if amount > 0}

    def add(valkey):
        with valkey.pipeline(transaction=False) as pipe:
            for name, amount in grown.items():
                pipe.hincrbyfloat(_CAPTURED + name, str(node_id), amount)
            pipe.execute()

    if grown:
        broker.attempt(add)


def take_snapshot() -> None:
    """The counts of all jobs, for who asks while the database is down."""
    broker.attempt(lambda valkey: valkey.set(_JOBS, json.dumps(_counted(Job.objects.all())), ex=120))


def _counted(jobs) -> dict:
    by_status = dict(jobs.order_by().values_list("status").annotate(n=Count("pk")))
    lapsed = jobs.aggregate(n=Count("pk", filter=Q(lease_state=LeaseState.LAPSED, status__in=[JobStatus.RUNNING, JobStatus.STOP_REQUESTED])))["n"]
    return {"jobs": by_status, "lapsed": lapsed}


def _read(valkey) -> dict:
    with valkey.pipeline(transaction=False) as pipe:
        pipe.get(_JOBS)
        for name in _SERIES:
            pipe.hgetall(_CAPTURED + name)
        jobs, *series = pipe.execute()
    grown = {name: {pk.decode(): float(amount) for pk, amount in found.items()} for name, found in zip(_SERIES, series, strict=True)}
    return {**(json.loads(jobs) if jobs else {"jobs": {}, "lapsed": 0}), "captured": grown}


def collect(actor: Actor) -> Iterable:
    """The families that `actor` may see; an allowed address (anonymous) sees all, also while the database is down."""
    global _last
    _last = known = broker.attempt(_read, _last)
    mine = None
    if not sees_the_fleet(actor):
        known = known | _counted(ports.scoped(Job.objects.all(), actor, Perm.METRICS_READ))
        mine = {str(pk) for pk in ports.scoped(Node.objects.all(), actor, Perm.METRICS_READ).values_list("pk", flat=True)}
    jobs = GaugeMetricFamily("tallyroom_jobs", "Jobs by status", labels=["status"])
    for status in JobStatus:
        jobs.add_metric([status.value], known["jobs"].get(status.value, 0))
    yield jobs
    yield GaugeMetricFamily("tallyroom_job_leases_lapsed", "Running jobs whose node has gone silent", value=known["lapsed"])
    for name, words in _SERIES.items():
        family = CounterMetricFamily(f"tallyroom_{name}", words, labels=["node"])
        for pk, amount in sorted(known["captured"][name].items()):
            if mine is None or pk in mine:
                family.add_metric([pk], amount)
        yield family
    with suppress(OSError):  # no number rather than a wrong one
        yield GaugeMetricFamily("tallyroom_cache_free_bytes", "Free bytes where files are kept", value=storage.free_bytes()[0])
