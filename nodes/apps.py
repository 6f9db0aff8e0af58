"""The fleet of recorders, its meters and its health."""

from django.apps import AppConfig


class NodesConfig(AppConfig):
    name = "nodes"
    label = "nodes"
    default_auto_field = "django.db.models.BigAutoField"
