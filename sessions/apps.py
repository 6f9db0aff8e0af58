"""Label `live_sessions`: Django's own app is called sessions."""

from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "sessions"
    label = "live_sessions"
    default_auto_field = "django.db.models.BigAutoField"
