"""Periodic and queued work: idempotent, single-flight, expiring before the next tick.

@periodic("jobs.lease_sweep", every=10)
def lease_sweep() -> dict: …            # returns counts for the log

@queued("recordings.analyse", queue="media")
def analyse(file_id: str) -> None: …    # queue with analyse.delay(str(file.id)) inside on_commit
"""

from contextlib import contextmanager
from datetime import timedelta
from functools import wraps

import structlog
from celery import shared_task
from celery.exceptions import OperationalError as BrokerDown
from django.db import close_old_connections, connection, transaction

from config.kernel import broker, clock, context, metrics
from config.kernel.access import system
from config.kernel.beat import BEAT, ROUTES
from config.kernel.ids import uuid7

log = structlog.get_logger("tasks")
QUEUES = ("control", "media", "uploads", "storage", "conversations")


@contextmanager
def single_flight(name: str):
    """True for one caller at a time over all processes (advisory lock of this connection), False for the others."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [f"task:{name}"])
        won = cursor.fetchone()[0]
    try:
        yield won
    finally:
        if won:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [f"task:{name}"])


@contextmanager
def in_context(name: str, request_id: str | None = None):
    """The request context and fresh connections of a task, whoever runs it; yields its actor."""
    close_old_connections()
    actor = system(name)
    with context.use(context.RequestContext(request_id=request_id or str(uuid7()), route=name, actor=actor)):
        try:
            yield actor
        finally:
            close_old_connections()


def periodic(name: str, *, every: float, queue: str = "control"):
    """Register a reconciler with beat. It runs at most once at a time and is dropped if it could not start before its next tick."""

    def decorate(function):
        @wraps(function)
        def run():
            with in_context(name), single_flight(name) as won:
                if not won:
                    return
                counts = function()
                broker.attempt(lambda valkey: valkey.hset(metrics.ENDED_WELL, name, clock.now().timestamp()))
                if counts and any(counts.values()):
                    log.info("task", task=name, **counts)

        # Names like "jobs.lease_sweep"; `function.run_once()` runs the body alone, for tests.
        task = shared_task(name=name, ignore_result=True)(run)
        task.run_once = function
        ROUTES[name] = {"queue": queue}
        BEAT[name] = {
            "task": name,
            "schedule": timedelta(seconds=every),
            "options": {"queue": queue, "expires": max(every * 0.9, every - 2)},
        }
        return task

    return decorate


def queued(name: str, *, queue: str = "control", **options):
    """A task for one thing; messages are hints (a reconciler finds what a lost one meant). Carries the request id of who queued it."""

    def decorate(function):
        @wraps(function)
        def run(*args, request_id: str | None = None, **kwargs):
            with in_context(name, request_id):
                function(*args, **kwargs)

        task = shared_task(name=name, ignore_result=True, **options)(run)
        task.run_once = function
        ROUTES[name] = {"queue": queue}
        return task

    return decorate


def after_commit(task, *args, **kwargs) -> None:
    """Queue `task` when the current transaction has committed; a missing broker is survived (the reconciler comes by)."""
    request_id = context.current().request_id

    def send():
        try:
            task.apply_async(args=args, kwargs={**kwargs, "request_id": request_id}, retry=False)
        except (BrokerDown, OSError) as error:
            log.warning("task_not_queued", task=task.name, error=type(error).__name__)

    transaction.on_commit(send)
