"""The kernel as a Django app: it owns only what every route needs (idempotency keys, topics)."""

from django.apps import AppConfig


class KernelConfig(AppConfig):
    name = "config.kernel"
    label = "kernel"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from config.kernel import checks, purge  # noqa: F401 - registered by import
