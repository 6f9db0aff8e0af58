"""How long work waits: the messages of each queue and the age of the oldest, for `/metrics`.

Read from the lists that Celery keeps in Valkey, so that it is told while no worker runs, too. What a worker has taken in to do next counts no more.
"""

import json
import time
from collections.abc import Iterable

from celery.signals import before_task_publish
from prometheus_client.core import GaugeMetricFamily

from config.kernel import broker
from config.kernel.beat import ROUTES

#: Header of a task's message: when it was queued, Unix time.
QUEUED_AT = "queued_at"


@before_task_publish.connect(dispatch_uid="queues.stamp")
def _stamp(headers=None, **_kwargs):
    headers.setdefault(QUEUED_AT, time.time())


def collect(_actor) -> Iterable:
    """Not per node, so for everyone who may read metrics; nothing while the broker is away."""
    names = sorted({route["queue"] for route in ROUTES.values()})
    found = broker.attempt(lambda valkey: _read(valkey, names))
    if found is None:
        return
    waiting = GaugeMetricFamily("tallyroom_queue_length", "Tasks that wait for a worker", labels=["queue"])
    age = GaugeMetricFamily("tallyroom_queue_age_seconds", "How long the oldest of them waits", labels=["queue"])
    now = time.time()
    for name, (length, oldest) in zip(names, found, strict=True):
        waiting.add_metric([name], length)
        age.add_metric([name], max(0.0, now - _queued_at(oldest, now)))
    yield from (waiting, age)


def _read(valkey, names: list[str]) -> list[tuple[int, bytes | None]]:
    """(length, the message that is next) of each; they are put in on the left."""
    with valkey.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.llen(name)
            pipe.lindex(name, -1)
        answers = pipe.execute()
    return list(zip(answers[::2], answers[1::2], strict=True))


def _queued_at(message: bytes | None, otherwise: float) -> float:
    return float(json.loads(message)["headers"].get(QUEUED_AT, otherwise)) if message else otherwise
