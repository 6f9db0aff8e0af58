"""Audit as a Django app: fills the kernel's ports, so that everything below and above can write without importing each other."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from celery.signals import task_failure

        from audit import checks, gauges, refusals, services  # noqa: F401 - checks are registered by import
        from config.kernel import metrics
        from config.kernel.access import ports

        ports.record = services.record
        ports.refused = refusals.refused
        metrics.register_collector(gauges.seal_lag)
        task_failure.connect(_task_failed, dispatch_uid="audit.task_failed")


def _task_failed(sender=None, exception=None, kwargs=None, **_):
    from audit import refusals

    refusals.task_failed(getattr(sender, "name", "unknown"), exception, (kwargs or {}).get("request_id"))
