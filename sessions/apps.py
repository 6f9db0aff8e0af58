"""Field sessions: who asks for video from a place, who serves it, what it costs. Label `live_sessions`: Django's own app is called sessions."""

from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "sessions"
    label = "live_sessions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from sessions import wiring

        wiring.connect()
