"""Celery: the worker and beat of every app."""

import os

from celery import Celery
from celery.signals import setup_logging, worker_ready, worker_shutting_down

from config.kernel.beat import BEAT, ROUTES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("tallyroom")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Worker threads of the web server have no current app of their own; they must find this one.
app.set_default()

# The very dicts that the task decorators fill while the apps load.
app.conf.beat_schedule = BEAT
app.conf.task_routes = ROUTES
app.autodiscover_tasks(
    packages=[
        "audit",
        "operators.access",
        "operators.webhooks",
        "operators.console",
        "nodes.fleet",
        "nodes.meters",
        "nodes.health",
        "sessions.media",
        "sessions.pricing",
        "sessions.settlement",
        "sessions.telemetry",
        "sessions.field",
        "sessions.control_room",
        "recordings.library",
        "recordings.jobs",
        "recordings.uploads",
        "recordings.retention",
        "recordings.replay",
        "recordings.sessions",
    ],
)


@setup_logging.connect
def _keep_our_logging(**_kwargs):
    """Celery must not touch the loggers: structlog is set up by Django."""


@worker_ready.connect
def _start_pulse(**_kwargs):
    from config.kernel import loops, pulse

    pulse.start()
    loops.start()


@worker_shutting_down.connect
def _stop_pulse(**_kwargs):
    from config.kernel import loops, pulse

    loops.stop()
    pulse.stop()
