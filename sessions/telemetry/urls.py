"""Telemetry, provenance and the meter of a session, below /api/v1/."""

from django.urls import path

from sessions.metering.api import MeterViewSet
from sessions.telemetry.api import ProvenanceViewSet, TelemetryBatchViewSet, TelemetryViewSet

urlpatterns = [
    path("sessions/<uuid:id>/telemetry", TelemetryViewSet.as_view({"get": "list", "post": "create"})),
    path("sessions/<uuid:id>/telemetry/batch", TelemetryBatchViewSet.as_view({"post": "create"})),
    path("sessions/<uuid:id>/telemetry/facets", TelemetryViewSet.as_view({"get": "facets"})),
    path("sessions/<uuid:id>/telemetry/export", TelemetryViewSet.as_view({"get": "export", "post": "export_selected"})),
    path("sessions/<uuid:id>/meter", MeterViewSet.as_view({"get": "retrieve"})),
    path("sessions/<uuid:id>/provenance", ProvenanceViewSet.as_view({"post": "check"})),
]
