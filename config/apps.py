"""The composition as an app: whoever loads Django, loads Celery's app with it, so that `delay()` finds the broker from any thread."""

from django.apps import AppConfig

from config.kernel import later

with later.without("requests"):
    # Its first import, before any model's. It looks for `requests` to offer a test client.
    import rest_framework.compat  # noqa: F401


class TallyroomConfig(AppConfig):
    name = "config"

    def ready(self):
        import config.celery  # noqa: F401 - makes it the default app
