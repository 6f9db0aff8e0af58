"""Routes of replay below /api/v1/."""

from django.urls import path

from recordings.replay.api import ClipViewSet, ReplayViewSet

urlpatterns = [
    path("control-room/replay/mark-in", ReplayViewSet.as_view({"post": "mark_in"})),
    path("control-room/replay/mark-out", ReplayViewSet.as_view({"post": "mark_out"})),
    path("control-room/replay/quick", ReplayViewSet.as_view({"post": "quick"})),
    path("control-room/replay/mark", ReplayViewSet.as_view({"delete": "drop_mark"})),
    path("control-room/replay/play", ReplayViewSet.as_view({"post": "play"})),
    path("control-room/replay/pause", ReplayViewSet.as_view({"post": "pause"})),
    path("control-room/replay/stop", ReplayViewSet.as_view({"post": "stop"})),
    path("replay-clips", ClipViewSet.as_view({"get": "list", "post": "create"})),
    path("replay-clips/facets", ClipViewSet.as_view({"get": "facets"})),
    path("replay-clips/<uuid:id>", ClipViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"})),
    path("replay-clips/<uuid:id>/actions", ClipViewSet.as_view({"get": "actions"})),
    path("replay-clips/<uuid:id>/playback", ClipViewSet.as_view({"post": "playback"})),
    path("replay-clips/<uuid:id>/stream", ClipViewSet.as_view({"get": "stream", "head": "stream"})),
]
