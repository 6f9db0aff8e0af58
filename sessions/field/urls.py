"""Routes of device operators and of sessions themselves."""

from django.urls import path

from sessions.field.api import SessionEventViewSet, SessionViewSet
from sessions.field.devices.api import DeviceKeyViewSet, DeviceOperatorViewSet, WorkspaceLocationViewSet

urlpatterns = [
    path("device-operators", DeviceOperatorViewSet.as_view({"get": "list", "post": "create"})),
    path("device-operators/facets", DeviceOperatorViewSet.as_view({"get": "facets"})),
    path("device-operators/export", DeviceOperatorViewSet.as_view({"get": "export", "post": "export_selected"})),
    path("device-operators/<uuid:id>", DeviceOperatorViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"})),
    path("device-operators/<uuid:id>/actions", DeviceOperatorViewSet.as_view({"get": "actions"})),
    path("device-operators/<uuid:id>/location", DeviceOperatorViewSet.as_view({"post": "location"})),
    path("device-operators/<uuid:id>/keys", DeviceKeyViewSet.as_view({"get": "list", "post": "create"})),
    path("device-operators/<uuid:id>/keys/facets", DeviceKeyViewSet.as_view({"get": "facets"})),
    path("device-operators/<uuid:id>/keys/export", DeviceKeyViewSet.as_view({"get": "export", "post": "export_selected"})),
    path("device-operators/<uuid:id>/keys/<uuid:key_id>", DeviceKeyViewSet.as_view({"delete": "destroy"})),
    path("workspaces/<uuid:id>/location", WorkspaceLocationViewSet.as_view({"post": "location"})),
    path("sessions", SessionViewSet.as_view({"get": "list", "post": "create"})),
    path("sessions/facets", SessionViewSet.as_view({"get": "facets"})),
    path("sessions/export", SessionViewSet.as_view({"get": "export", "post": "export_selected"})),
    path("sessions/cancel-all-assignments", SessionViewSet.as_view({"post": "cancel_all"})),
    path("sessions/<uuid:id>", SessionViewSet.as_view({"get": "retrieve", "delete": "destroy"})),
    path("sessions/<uuid:id>/actions", SessionViewSet.as_view({"get": "actions"})),
    path("sessions/<uuid:id>/events", SessionEventViewSet.as_view({"get": "list"})),
    path("sessions/<uuid:id>/events/facets", SessionEventViewSet.as_view({"get": "facets"})),
    path("sessions/<uuid:id>/events/export", SessionEventViewSet.as_view({"get": "export", "post": "export_selected"})),
    path("sessions/<uuid:id>/tally", SessionViewSet.as_view({"get": "tally"})),
    path("sessions/<uuid:id>/candidates", SessionViewSet.as_view({"get": "candidates"})),
    path("sessions/<uuid:id>/dispatch", SessionViewSet.as_view({"post": "dispatch_"})),
    path("sessions/<uuid:id>/accept", SessionViewSet.as_view({"post": "accept"})),
    path("sessions/<uuid:id>/start", SessionViewSet.as_view({"post": "start"})),
    path("sessions/<uuid:id>/producer-token", SessionViewSet.as_view({"get": "producer_token"})),
    path("sessions/<uuid:id>/viewer-token", SessionViewSet.as_view({"get": "viewer_token"})),
    path("sessions/<uuid:id>/end", SessionViewSet.as_view({"post": "end"})),
]
