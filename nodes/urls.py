"""API paths of this app, under `/api/v1/`. Static paths stand before `:id`."""

from django.urls import path

from nodes.fleet.agent_api import NodeAgentViewSet
from nodes.fleet.api import NodeViewSet, RoomViewSet, SiteViewSet
from nodes.fleet.status_api import StatusViewSet
from nodes.health.api import HealthEventViewSet, HealthReportViewSet
from nodes.meters.api import MeterEventsViewSet, MeterFrameViewSet, MetersViewSet

urlpatterns = [
    path("sites", SiteViewSet.as_view({"get": "list", "post": "create"})),
    path("sites/<uuid:id>", SiteViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"})),
    path("sites/<uuid:id>/actions", SiteViewSet.as_view({"get": "actions"})),
    path("rooms", RoomViewSet.as_view({"get": "list"})),
    path("nodes", NodeViewSet.as_view({"get": "list"})),
    path("nodes/facets", NodeViewSet.as_view({"get": "facets"})),
    path("nodes/export", NodeViewSet.as_view({"get": "export", "post": "export_selected"})),
    path("nodes/enroll", NodeViewSet.as_view({"post": "enroll"})),
    path("nodes/<uuid:id>", NodeViewSet.as_view({"get": "retrieve", "patch": "partial_update"})),
    path("nodes/<uuid:id>/actions", NodeViewSet.as_view({"get": "actions"})),
    path("nodes/<uuid:id>/interfaces/<uuid:iid>", NodeViewSet.as_view({"patch": "interface"})),
    path("nodes/<uuid:id>/credentials/rotate", NodeViewSet.as_view({"post": "rotate"})),
    path("nodes/<uuid:id>/config", NodeAgentViewSet.as_view({"get": "config"})),
    path("nodes/<uuid:id>/channel-map-assignments", NodeAgentViewSet.as_view({"get": "channel_map_assignments"})),
    path("nodes/<uuid:id>/heartbeat", NodeAgentViewSet.as_view({"post": "heartbeat"})),
    path("nodes/<uuid:id>/meter-frame", MeterFrameViewSet.as_view({"post": "take"})),
    path("nodes/<uuid:id>/meters", MetersViewSet.as_view({"get": "meters"})),
    path("nodes/<uuid:id>/health-events", HealthReportViewSet.as_view({"post": "report"})),
    path("meter-events", MeterEventsViewSet.as_view({"get": "stream"})),
    path("health-events", HealthEventViewSet.as_view({"get": "list"})),
    path("health-events/facets", HealthEventViewSet.as_view({"get": "facets"})),
    path("health-events/export", HealthEventViewSet.as_view({"get": "export", "post": "export_selected"})),
    path("health-events/<uuid:id>", HealthEventViewSet.as_view({"get": "retrieve"})),
    path("status", StatusViewSet.as_view({"get": "status"})),
]
