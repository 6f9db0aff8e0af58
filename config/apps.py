"""The composition as an app: whoever loads Django, loads Celery's app with it, so that `delay()` finds the broker from any thread."""

from django.apps import AppConfig


class TallyroomConfig(AppConfig):
    name = "config"

    def ready(self):
        import config.celery  # noqa: F401 - makes it the default app
