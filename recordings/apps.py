"""The library of what was recorded, the jobs that record it, and the files on their way in."""

from django.apps import AppConfig


class RecordingsConfig(AppConfig):
    name = "recordings"
    label = "recordings"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from recordings import wiring

        wiring.connect()
